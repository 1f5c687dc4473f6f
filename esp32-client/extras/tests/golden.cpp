#include "golden.h"

#include <stdlib.h>

#include <fstream>

#include "check.h"

static std::string unescape(const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '\\') {
      bytes += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'n': bytes += '\n'; break;
      case 'r': bytes += '\r'; break;
      case 't': bytes += '\t'; break;
      case '\\': bytes += '\\'; break;
      default:
        bytes += static_cast<char>(strtol(text.substr(i + 1, 2).c_str(), nullptr, 16));
        i += 2;
    }
  }
  return bytes;
}

static std::pair<std::string, std::string> split(const std::string& text) {
  const size_t blank = text.find(' ');
  if (blank == std::string::npos) return std::make_pair(text, std::string());
  return std::make_pair(text.substr(0, blank), text.substr(blank + 1));
}

std::vector<Case> goldenCases(const char* file) {
  std::vector<Case> cases;
  std::ifstream stream(std::string(GOLDEN) + "/" + file);
  std::string line;
  while (std::getline(stream, line)) {
    if (line.empty() || line[0] == '#') continue;
    const std::pair<std::string, std::string> word = split(line), rest = split(word.second);
    if (word.first == "case") {
      cases.push_back(Case());
      cases.back().name = word.second;
    } else if (word.first == "maximum") {
      cases.back().maximum = static_cast<size_t>(atoi(word.second.c_str()));
    } else if (word.first == "bytes") {
      cases.back().bytes += unescape(word.second);
    } else if (word.first == "field") {
      cases.back().fields.push_back(std::make_pair(rest.first, unescape(rest.second)));
    } else if (word.first == "item") {
      cases.back().items.push_back(std::make_pair(rest.first, unescape(rest.second)));
    }
  }
  CHECK(!cases.empty());
  return cases;
}
