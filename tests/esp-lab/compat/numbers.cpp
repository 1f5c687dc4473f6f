// Numbers as text, which the C library of AVR has and others have not.
#include <Arduino.h>

static char *write_number(unsigned long magnitude, bool negative, char *text, int radix) {
  char reversed[36];
  int digits = 0;
  do {
    int digit = (int)(magnitude % (unsigned)radix);
    reversed[digits++] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
    magnitude /= (unsigned)radix;
  } while (magnitude);
  char *end = text;
  if (negative) *end++ = '-';
  while (digits) *end++ = reversed[--digits];
  *end = 0;
  return text;
}

extern "C" {
char *ultoa(unsigned long number, char *text, int radix) { return write_number(number, false, text, radix); }
char *utoa(unsigned number, char *text, int radix) { return write_number(number, false, text, radix); }
char *ltoa(long number, char *text, int radix) {
  bool negative = number < 0 && radix == 10;
  return write_number(negative ? 0UL - (unsigned long)number : (unsigned long)number, negative, text, radix);
}
char *itoa(int number, char *text, int radix) {
  bool negative = number < 0 && radix == 10;
  return write_number(negative ? 0UL - (unsigned long)(long)number : (unsigned long)(unsigned)number, negative, text, radix);
}
char *dtostrf(double number, signed char, unsigned char decimals, char *text) {
  char *end = text;
  if (number < 0) *end++ = '-', number = -number;
  unsigned long scale = 1;
  for (unsigned char i = 0; i < decimals; i++) scale *= 10;
  unsigned long scaled = (unsigned long)(number * (double)scale + 0.5);
  write_number(scaled / scale, false, end, 10);
  if (!decimals) return text;
  end += strlen(end);
  *end++ = '.';
  for (unsigned long digit = scale / 10, rest = scaled % scale; digit; digit /= 10) *end++ = (char)('0' + rest / digit % 10);
  *end = 0;
  return text;
}
}
