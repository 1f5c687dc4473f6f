#include "check.h"

static Test* first = nullptr;
static const char* running = "";
int failures = 0;

Test::Test(const char* name, void (*run)()) : name(name), run(run), next(first) { first = this; }

void failed(const char* file, int line, const std::string& what) {
  printf("%s\n  %s:%d: %s\n", running, file, line, what.c_str());
  failures++;
}

// Runs all tests, or those whose name has the first argument in it; the last line tells how many.
int main(int count, char** arguments) {
  int done = 0;
  for (Test* test = first; test != nullptr; test = test->next) {
    if (count > 1 && strstr(test->name, arguments[1]) == nullptr) continue;
    running = test->name;
    test->run();
    done++;
  }
  printf("%d tests, %d failures\n", done, failures);
  return failures == 0 ? 0 : 1;
}
