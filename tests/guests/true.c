// The smallest command: what a container costs without its content.
int main(void) { return 0; }
