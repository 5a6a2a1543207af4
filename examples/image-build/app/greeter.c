#include <stdio.h>
#include <stdlib.h>

int main(void) {
  char line[200] = "";
  FILE* file = fopen("/greeting", "r");
  if (file == NULL || fgets(line, sizeof line, file) == NULL) return 1;
  printf("hello %s, %s", getenv("WHO"), line);
  return 0;
}
