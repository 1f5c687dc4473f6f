//! Answers in the order of their requests, in whichever order they become known.

use std::collections::VecDeque;

/// Requests that wait for their answers.
#[derive(Debug)]
pub struct InOrder<R, A> {
    waiting: VecDeque<(R, Option<A>)>,
    /// The ticket of the first of them.
    first: u64,
}

impl<R, A> Default for InOrder<R, A> {
    fn default() -> Self {
        InOrder { waiting: VecDeque::new(), first: 0 }
    }
}

impl<R, A> InOrder<R, A> {
    /// Adds a request and gives its ticket.
    pub fn push(&mut self, request: R) -> u64 {
        self.waiting.push_back((request, None));
        self.first + self.waiting.len() as u64 - 1
    }

    /// Notes the answer to the request with this ticket; another answer to it, or one to a request that never
    /// was, changes nothing.
    pub fn answer(&mut self, ticket: u64, answer: A) {
        let place = ticket.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        if let Some((_, waiting @ None)) = place.and_then(|place| self.waiting.get_mut(place)) {
            *waiting = Some(answer);
        }
    }

    /// The first request, if its answer is known.
    pub fn pop(&mut self) -> Option<(R, A)> {
        self.waiting.front()?.1.as_ref()?;
        let (request, answer) = self.waiting.pop_front()?;
        self.first += 1;
        answer.map(|answer| (request, answer))
    }

    /// How many requests wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no request waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The requests that wait, in order.
    pub fn requests(&self) -> impl Iterator<Item = &R> {
        self.waiting.iter().map(|(request, _)| request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_out_in_the_order_of_requests() {
        let mut in_order = InOrder::default();
        let [a, b, c] = ["a", "b", "c"].map(|request| in_order.push(request));
        in_order.answer(c, 3);
        in_order.answer(a, 1);
        in_order.answer(a, 9);
        in_order.answer(77, 9);
        assert_eq!((in_order.pop(), in_order.pop()), (Some(("a", 1)), None));
        in_order.answer(b, 2);
        in_order.answer(a, 9);
        assert_eq!((in_order.pop(), in_order.pop(), in_order.pop()), (Some(("b", 2)), Some(("c", 3)), None));
        assert!(in_order.is_empty());
    }
}
