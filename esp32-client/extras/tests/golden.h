// Reads the golden files of the line protocol; tests/golden/line/README.md describes them.
#pragma once

#include <string>
#include <utility>
#include <vector>

struct Case {
  std::string name;
  size_t maximum = 4096;
  std::string bytes;
  std::vector<std::pair<std::string, std::string>> fields;
  // The kind of each item, and the bytes of a frame.
  std::vector<std::pair<std::string, std::string>> items;
};

// Every case of a file in the folder GOLDEN, which the compiler's command line names.
std::vector<Case> goldenCases(const char* file);
