//! A group that shares a subscription: each message goes to one of its members.

use std::cell::Cell;

use super::{MemberId, Subscription};
use crate::wire::mqtt::TopicFilter;

/// The members that share one filter under one name.
#[derive(Debug)]
pub struct Group {
    filter: TopicFilter,
    members: Vec<(MemberId, Subscription)>,
    /// The place of the member whose turn it is.
    next: Cell<usize>,
}

impl Group {
    /// A group of one.
    pub(super) fn new(filter: TopicFilter, member: MemberId, subscription: Subscription) -> Group {
        Group { filter, members: vec![(member, subscription)], next: Cell::new(0) }
    }

    /// What they share: `$share/name/filter`.
    pub fn filter(&self) -> &TopicFilter {
        &self.filter
    }

    /// Its members, beginning with the one whose turn it is.
    pub fn in_turn(&self) -> impl Iterator<Item = (MemberId, &Subscription)> {
        let (before, after) = self.members.split_at(self.next.get().min(self.members.len()));
        after.iter().chain(before).map(|(member, subscription)| (*member, subscription))
    }

    /// This member has had its turn.
    pub(super) fn served(&self, member: MemberId) {
        if let Some(place) = self.place(member) {
            self.next.set((place + 1) % self.members.len());
        }
    }

    pub(super) fn insert(&mut self, member: MemberId, subscription: Subscription) {
        match self.place(member) {
            Some(place) => self.members[place].1 = subscription,
            None => self.members.push((member, subscription)),
        }
    }

    pub(super) fn remove(&mut self, member: MemberId) {
        let Some(place) = self.place(member) else { return };
        self.members.remove(place);
        // The turn stays with whose it is.
        let next = self.next.get();
        self.next.set(if place < next { next - 1 } else { next });
        if self.next.get() >= self.members.len() {
            self.next.set(0);
        }
    }

    pub(super) fn hand_over(&mut self, from: MemberId, to: MemberId) {
        if let Some(place) = self.place(from) {
            self.members[place].0 = to;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn place(&self, member: MemberId) -> Option<usize> {
        self.members.iter().position(|(other, _)| *other == member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::mqtt::{QoS, SubscribeOptions};

    fn order(group: &Group) -> Vec<u64> {
        group.in_turn().map(|(member, _)| member.0).collect()
    }

    #[test]
    fn everybody_has_a_turn_whoever_comes_and_goes() {
        let filter = TopicFilter::parse("$share/g/t").expect("valid");
        let subscription = Subscription { options: SubscribeOptions::plain(QoS::AtMostOnce), id: None };
        let mut group = Group::new(filter, MemberId(1), subscription);
        for member in [2, 3, 4] {
            group.insert(MemberId(member), subscription);
        }
        group.insert(MemberId(2), subscription);
        assert_eq!(order(&group), [1, 2, 3, 4]);
        group.served(MemberId(1));
        assert_eq!(order(&group), [2, 3, 4, 1]);
        group.remove(MemberId(1));
        assert_eq!(order(&group), [2, 3, 4]);
        group.served(MemberId(3));
        group.remove(MemberId(4));
        assert_eq!(order(&group), [2, 3]);
        group.served(MemberId(2));
        group.hand_over(MemberId(3), MemberId(5));
        assert_eq!(order(&group), [5, 2]);
        group.remove(MemberId(5));
        group.remove(MemberId(2));
        assert!(group.is_empty() && order(&group).is_empty());
    }
}
