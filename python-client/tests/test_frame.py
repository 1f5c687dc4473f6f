"""The codec, against the frames that the Rust and C++ tests read as well."""

from __future__ import annotations

import unittest
from typing import List, Tuple

from gpio_gatekeeper.frame import Broken, MalformedFrame, Splitter, TooLong, Whole, decode, encode

from .golden import Case, cases


def items(case: Case, *cuts: int) -> List[Tuple[str, bytes]]:
    """What a case's bytes split into when they come in these pieces."""
    splitter = Splitter(case.maximum)
    found = []
    for begin, end in zip((0, *cuts), (*cuts, len(case.bytes))):
        for item in splitter.feed(case.bytes[begin:end]):
            if isinstance(item, Whole):
                found.append(("frame", item.bytes))
            else:
                kind = {Broken: "malformed", TooLong: "too_long"}.get(type(item), "stray")
                found.append((kind, b""))
    return found


class Golden(unittest.TestCase):
    def test_frames_are_read_and_written(self) -> None:
        for case in cases("frames.txt"):
            with self.subTest(case.name):
                self.assertEqual(list(decode(case.bytes).items()), list(case.fields.items()))
                self.assertEqual(encode(case.fields), case.bytes)

    def test_what_others_may_write_is_read(self) -> None:
        for case in cases("lenient.txt"):
            with self.subTest(case.name):
                self.assertEqual(decode(case.bytes), case.fields)

    def test_what_is_no_frame_is_refused(self) -> None:
        for case in cases("malformed.txt"):
            with self.subTest(case.name), self.assertRaises(MalformedFrame) as caught:
                decode(case.bytes)
            self.assertEqual(caught.exception.identifier, case.identifier, case.name)

    def test_a_stream_is_split_however_it_comes(self) -> None:
        for case in cases("stream.txt"):
            ways = [(), tuple(range(1, len(case.bytes)))] + [(cut,) for cut in range(1, len(case.bytes))]
            for cuts in ways:
                with self.subTest(case.name, cuts=cuts):
                    self.assertEqual(items(case, *cuts), case.items)

    def test_a_part_of_a_frame_is_none(self) -> None:
        for case in cases("frames.txt") + cases("lenient.txt"):
            for end in range(len(case.bytes)):
                self.assertEqual(Splitter().feed(case.bytes[:end]), [], case.name)


class Writing(unittest.TestCase):
    def test_what_is_no_key_is_refused(self) -> None:
        for key in ("", "led", "1A", "A B", "Ä", "A\n"):
            with self.subTest(key), self.assertRaises(ValueError):
                encode({key: "1"})

    def test_a_frame_has_fields_and_not_too_many(self) -> None:
        for count in (0, 65):
            with self.assertRaises(ValueError):
                encode({f"K{number}": "" for number in range(count)})
        self.assertTrue(encode({f"K{number}": "" for number in range(64)}))


if __name__ == "__main__":
    unittest.main()
