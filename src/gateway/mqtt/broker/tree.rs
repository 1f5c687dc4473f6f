//! The tree of subscriptions: one node for each level of a filter.
//!
//! Finding who wants a message takes as many steps as its topic has levels (times two where a `+` goes the same
//! way), however many subscriptions there are beside.  Filters have at most [`LEVELS`](crate::gateway::LEVELS),
//! which also bounds how deep a walk through it calls itself.

use std::collections::HashMap;
use std::num::NonZeroU32;

use super::{Group, MemberId};
use crate::wire::mqtt::{SubscribeOptions, TopicFilter, TopicName};

/// All subscriptions.
#[derive(Debug, Default)]
pub struct Tree {
    root: Node,
}

/// One member's subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// Its options.
    pub options: SubscribeOptions,
    /// The identifier that the member gave it.
    pub id: Option<NonZeroU32>,
}

#[derive(Debug, Default)]
struct Node {
    /// The next level, by name or `+`.
    children: HashMap<Box<str>, Node>,
    /// Filters that end here.
    here: Ends,
    /// Filters that end here with `#`.
    below: Ends,
}

/// The subscriptions of one filter.
#[derive(Debug, Default)]
struct Ends {
    /// Those that members have for themselves.
    own: Vec<(MemberId, Subscription)>,
    /// Those that they share.
    groups: Vec<Group>,
}

/// A subscription that matches.
#[derive(Debug)]
pub enum Found<'a> {
    /// Of one member.
    Own(MemberId, &'a Subscription),
    /// Of a group, one of which gets the message.
    Shared(&'a Group),
}

impl Tree {
    /// Adds a subscription, in the place of the same member's with the same filter.
    pub fn insert(&mut self, filter: &TopicFilter, member: MemberId, subscription: Subscription) {
        let mut node = &mut self.root;
        for level in filter.levels() {
            if level == "#" {
                return node.below.insert(filter, member, subscription);
            }
            node = node.children.entry(level.into()).or_default();
        }
        node.here.insert(filter, member, subscription);
    }

    /// Takes a subscription away.
    pub fn remove(&mut self, filter: &TopicFilter, member: MemberId) {
        let levels: Vec<&str> = filter.levels().collect();
        self.root.remove(&levels, filter, member);
    }

    /// The group that shares a filter.
    pub fn group(&self, filter: &TopicFilter) -> Option<&Group> {
        let mut node = &self.root;
        for level in filter.levels() {
            if level == "#" {
                return node.below.group(filter);
            }
            node = node.children.get(level)?;
        }
        node.here.group(filter)
    }

    /// Gives a member's subscription to another member.
    pub fn hand_over(&mut self, filter: &TopicFilter, from: MemberId, to: MemberId) {
        let mut node = Some(&mut self.root);
        let mut levels = filter.levels();
        let ends = loop {
            let Some(here) = node else { return };
            match levels.next() {
                None => break &mut here.here,
                Some("#") => break &mut here.below,
                Some(level) => node = here.children.get_mut(level),
            }
        };
        ends.hand_over(filter, from, to);
    }

    /// Calls `found` for every subscription that matches [MQTT-3.3.2-3].
    pub fn matching(&self, topic: &TopicName, mut found: impl FnMut(Found<'_>)) {
        let levels: Vec<&str> = topic.levels().collect();
        // [MQTT-4.7.2-1] Wildcards at the beginning do not match topics that begin with `$`.
        if topic.as_str().starts_with('$') {
            if let Some(node) = self.root.children.get(levels[0]) {
                node.matching(&levels[1..], &mut found);
            }
        } else {
            self.root.matching(&levels, &mut found);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.root.is_empty()
    }
}

impl Node {
    fn matching(&self, levels: &[&str], found: &mut dyn FnMut(Found<'_>)) {
        self.below.each(found);
        match levels {
            [] => self.here.each(found),
            [level, rest @ ..] => {
                for key in [level, "+"] {
                    if let Some(node) = self.children.get(key) {
                        node.matching(rest, found);
                    }
                }
            }
        }
    }

    fn remove(&mut self, levels: &[&str], filter: &TopicFilter, member: MemberId) {
        match levels {
            ["#"] => self.below.remove(filter, member),
            [] => self.here.remove(filter, member),
            [level, rest @ ..] => {
                let Some(node) = self.children.get_mut(*level) else { return };
                node.remove(rest, filter, member);
                if node.is_empty() {
                    self.children.remove(*level);
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.children.is_empty() && self.here.is_empty() && self.below.is_empty()
    }
}

impl Ends {
    fn insert(&mut self, filter: &TopicFilter, member: MemberId, subscription: Subscription) {
        if filter.share().is_none() {
            return match self.own.iter_mut().find(|(other, _)| *other == member) {
                Some((_, older)) => *older = subscription,
                None => self.own.push((member, subscription)),
            };
        }
        match self.groups.iter_mut().find(|group| group.filter() == filter) {
            Some(group) => group.insert(member, subscription),
            None => self.groups.push(Group::new(filter.clone(), member, subscription)),
        }
    }

    fn remove(&mut self, filter: &TopicFilter, member: MemberId) {
        if filter.share().is_none() {
            return self.own.retain(|(other, _)| *other != member);
        }
        let Some(place) = self.groups.iter().position(|group| group.filter() == filter) else { return };
        self.groups[place].remove(member);
        if self.groups[place].is_empty() {
            self.groups.swap_remove(place);
        }
    }

    fn hand_over(&mut self, filter: &TopicFilter, from: MemberId, to: MemberId) {
        if filter.share().is_none() {
            self.own.iter_mut().filter(|(member, _)| *member == from).for_each(|(member, _)| *member = to);
        } else if let Some(group) = self.groups.iter_mut().find(|group| group.filter() == filter) {
            group.hand_over(from, to);
        }
    }

    fn group(&self, filter: &TopicFilter) -> Option<&Group> {
        self.groups.iter().find(|group| group.filter() == filter)
    }

    fn each(&self, found: &mut dyn FnMut(Found<'_>)) {
        self.own.iter().for_each(|(member, subscription)| found(Found::Own(*member, subscription)));
        self.groups.iter().for_each(|group| found(Found::Shared(group)));
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty() && self.groups.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::mqtt::QoS;

    fn filter(text: &str) -> TopicFilter {
        TopicFilter::parse(text).expect("valid")
    }

    fn subscription() -> Subscription {
        Subscription { options: SubscribeOptions::plain(QoS::AtMostOnce), id: None }
    }

    fn found(tree: &Tree, topic: &str) -> Vec<u64> {
        let mut found = Vec::new();
        tree.matching(&TopicName::parse(topic).expect("valid"), |subscription| match subscription {
            Found::Own(member, _) => found.push(member.0),
            Found::Shared(group) => found.extend(group.in_turn().map(|(member, _)| member.0)),
        });
        found.sort_unstable();
        found
    }

    #[test]
    fn what_is_removed_leaves_nothing() {
        let mut tree = Tree::default();
        for text in ["a/b", "a/+/c", "#", "a/#", "+", "$share/g/a/b", "$share/g/#"] {
            tree.insert(&filter(text), MemberId(1), subscription());
        }
        tree.insert(&filter("$share/g/a/b"), MemberId(2), subscription());
        assert_eq!(found(&tree, "a/b"), [1, 1, 1, 1, 1, 2]);
        tree.remove(&filter("$share/g/a/b"), MemberId(2));
        for text in ["a/b", "a/+/c", "#", "a/#", "+", "$share/g/a/b", "$share/g/#", "never/there"] {
            tree.remove(&filter(text), MemberId(1));
        }
        assert!(tree.is_empty());
    }

    #[test]
    fn what_is_handed_over_is_found_under_the_other_member() {
        let mut tree = Tree::default();
        for text in ["a/b", "a/#", "+/b", "$share/g/+/b"] {
            tree.insert(&filter(text), MemberId(1), subscription());
            tree.hand_over(&filter(text), MemberId(1), MemberId(2));
        }
        tree.hand_over(&filter("never/there"), MemberId(1), MemberId(2));
        assert_eq!(found(&tree, "a/b"), [2, 2, 2, 2]);
    }

    proptest! {
        /// The tree finds what the filters themselves say.
        #[test]
        fn it_agrees_with_the_filters(
            filters in prop::collection::vec("(\\$?[ab]|\\+|)(/([ab]|\\+|)){0,3}(/#)?", 1..12),
            topic in "(\\$?[ab]|)(/[ab]?){0,4}",
        ) {
            prop_assume!(!topic.is_empty());
            let filters: Vec<_> = filters.iter().filter_map(|text| TopicFilter::parse(text).ok()).collect();
            let mut tree = Tree::default();
            for (index, filter) in filters.iter().enumerate() {
                tree.insert(filter, MemberId(index as u64), subscription());
            }
            let name = TopicName::parse(&topic).expect("valid");
            let expected: Vec<u64> =
                (0u64..).zip(&filters).filter(|(_, filter)| filter.matches(&name)).map(|(index, _)| index).collect();
            prop_assert_eq!(found(&tree, &topic), expected);
        }
    }
}
