/* Sends its second argument to the unix socket of the first one and prints the answer. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char** argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char answer[256];
  if (argc < 3) return 2;
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) return perror("connect"), 1;
  if (write(fd, argv[2], strlen(argv[2])) < 0) return perror("write"), 1;
  ssize_t size = read(fd, answer, sizeof answer);
  if (size < 0) return perror("read"), 1;
  return write(1, answer, (size_t)size) != size;
}
