//! A queue in pieces: it takes as much memory as it holds, and gives back what it does not hold any more.
//!
//! A queue of one piece doubles its place and keeps it for ever.  Where much waits for many clients, that is several
//! times what they have; and pieces of megabytes that come and go teach the C library's allocator to keep as much.

use std::collections::VecDeque;
use std::iter::Flatten;

/// Things that wait, first in, first out.
#[derive(Debug)]
pub struct LongQueue<T> {
    /// None of them is empty, but for the only one.
    pieces: VecDeque<VecDeque<T>>,
    length: usize,
}

/// So many things are in one piece, which stays far below the 128 KiB from which the C library treats a block
/// differently (mallopt(3), `M_MMAP_THRESHOLD`).
const PIECE: usize = 128;
/// An empty queue keeps the place for so many.
const SPARE: usize = 8;

impl<T> Default for LongQueue<T> {
    fn default() -> LongQueue<T> {
        LongQueue { pieces: VecDeque::new(), length: 0 }
    }
}

impl<T> LongQueue<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds one at the end.
    pub fn push_back(&mut self, item: T) {
        self.length += 1;
        match self.pieces.back_mut() {
            Some(piece) if piece.len() < PIECE => piece.push_back(item),
            _ => self.pieces.push_back(VecDeque::from([item])),
        }
    }

    /// Takes the first.
    pub fn pop_front(&mut self) -> Option<T> {
        let first = self.pieces.front_mut()?;
        let item = first.pop_front()?;
        self.length -= 1;
        if first.is_empty() && (first.capacity() > SPARE || self.pieces.len() > 1) {
            self.pieces.pop_front();
            self.let_go();
        }
        Some(item)
    }

    /// Takes the last.
    pub fn pop_back(&mut self) -> Option<T> {
        let last = self.pieces.back_mut()?;
        let item = last.pop_back()?;
        self.length -= 1;
        if last.is_empty() && (last.capacity() > SPARE || self.pieces.len() > 1) {
            self.pieces.pop_back();
            self.let_go();
        }
        Some(item)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.pieces.iter().flatten()
    }

    /// Keeps only those that are wanted, in order.
    pub fn retain(&mut self, wanted: impl FnMut(&T) -> bool) {
        *self = std::mem::take(self).into_iter().filter(wanted).collect();
    }

    /// The list of the pieces is long only where very much has waited.
    fn let_go(&mut self) {
        if self.pieces.capacity() > SPARE && self.pieces.len() < self.pieces.capacity() / 4 {
            self.pieces.shrink_to(self.pieces.len() * 2);
        }
    }
}

impl<T> IntoIterator for LongQueue<T> {
    type Item = T;
    type IntoIter = Flatten<<VecDeque<VecDeque<T>> as IntoIterator>::IntoIter>;

    fn into_iter(self) -> Self::IntoIter {
        self.pieces.into_iter().flatten()
    }
}

impl<'a, T> IntoIterator for &'a LongQueue<T> {
    type Item = &'a T;
    type IntoIter = Flatten<<&'a VecDeque<VecDeque<T>> as IntoIterator>::IntoIter>;

    fn into_iter(self) -> Self::IntoIter {
        self.pieces.iter().flatten()
    }
}

impl<T> Extend<T> for LongQueue<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push_back(item));
    }
}

impl<T> FromIterator<T> for LongQueue<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> LongQueue<T> {
        let mut queue = LongQueue::default();
        queue.extend(items);
        queue
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The places of all pieces.
    fn capacity(queue: &LongQueue<u32>) -> usize {
        queue.pieces.iter().map(VecDeque::capacity).sum()
    }

    #[test]
    fn it_gives_back_what_it_does_not_hold() {
        let mut queue: LongQueue<u32> = (0..100_000).collect();
        assert!((100_000..130_000).contains(&capacity(&queue)), "{}", capacity(&queue));
        assert!((0..99_990).all(|item| queue.pop_front() == Some(item)));
        assert!(capacity(&queue) <= 2 * PIECE && queue.pieces.capacity() <= 2 * SPARE);
        queue.retain(|item| *item == 99_999);
        assert!(capacity(&queue) <= SPARE, "{}", capacity(&queue));
        assert_eq!((queue.pop_back(), queue.pop_front()), (Some(99_999), None));
    }

    #[test]
    fn one_thing_at_a_time_takes_no_memory_anew() {
        let mut queue = LongQueue::default();
        for item in 0..3 {
            queue.push_back(item);
            assert_eq!((queue.pop_front(), queue.pieces.len()), (Some(item), 1));
        }
    }

    /// What may be done with it.
    #[derive(Debug, Clone)]
    enum Step {
        Push(usize),
        Front(usize),
        Back(usize),
        Retain(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..3 * PIECE).prop_map(Step::Push),
            (0..3 * PIECE).prop_map(Step::Front),
            (0..3 * PIECE).prop_map(Step::Back),
            (1..5u32).prop_map(Step::Retain),
        ];
        prop::collection::vec(step, 0..20)
    }

    proptest! {
        /// It does what one of the standard library does.
        #[test]
        fn it_is_a_queue(steps in steps()) {
            let (mut ours, mut plain, mut next) = (LongQueue::default(), VecDeque::new(), 0..);
            for step in steps {
                match step {
                    Step::Push(count) => next.by_ref().take(count).for_each(|item: u32| {
                        ours.push_back(item);
                        plain.push_back(item);
                    }),
                    Step::Front(count) => for _ in 0..count {
                        prop_assert_eq!(ours.pop_front(), plain.pop_front());
                    },
                    Step::Back(count) => for _ in 0..count {
                        prop_assert_eq!(ours.pop_back(), plain.pop_back());
                    },
                    Step::Retain(part) => {
                        ours.retain(|item| item % part == 0);
                        plain.retain(|item| item % part == 0);
                    }
                }
                prop_assert_eq!((ours.len(), ours.is_empty()), (plain.len(), plain.is_empty()));
                prop_assert!(ours.iter().eq(&plain) && ours.iter().rev().eq(plain.iter().rev()));
            }
            prop_assert!((&ours).into_iter().eq(&plain) && ours.into_iter().eq(plain));
        }
    }
}
