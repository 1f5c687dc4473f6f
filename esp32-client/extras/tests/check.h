// A test program without a framework: TEST(name) { CHECK(condition); CHECK_TEXT(got, wanted); }
#pragma once

#include <stdio.h>
#include <string.h>

#include <string>

struct Test {
  const char* name;
  void (*run)();
  Test* next;
  Test(const char* name, void (*run)());
};

extern int failures;
void failed(const char* file, int line, const std::string& what);

#define TEST(name)                             \
  static void name();                          \
  static Test registered_##name(#name, name);  \
  static void name()

#define CHECK(condition) \
  do {                   \
    if (!(condition)) failed(__FILE__, __LINE__, #condition); \
  } while (false)

#define CHECK_TEXT(got, wanted)                                                                              \
  do {                                                                                                       \
    const std::string is(got), should(wanted);                                                               \
    if (is != should) failed(__FILE__, __LINE__, "it is\n    " + is + "\n  and should be\n    " + should); \
  } while (false)
