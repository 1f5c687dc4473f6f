//! The tree of subscriptions: one node for each level of a filter.
//!
//! Finding who wants a message takes as many steps as its topic has levels (times two where a `+` goes the same
//! way), however many subscriptions there are beside.  Filters have at most [`LEVELS`](crate::gateway::LEVELS),
//! which also bounds how deep a walk through it calls itself.

use std::collections::HashMap;
use std::num::NonZeroU32;

use super::MemberId;
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
    here: Vec<(MemberId, Subscription)>,
    /// Filters that end here with `#`.
    below: Vec<(MemberId, Subscription)>,
}

impl Tree {
    /// Adds a subscription, in the place of the same member's with the same filter.
    pub fn insert(&mut self, filter: &TopicFilter, member: MemberId, subscription: Subscription) {
        let mut node = &mut self.root;
        for level in filter.levels() {
            if level == "#" {
                return put(&mut node.below, member, subscription);
            }
            node = node.children.entry(level.into()).or_default();
        }
        put(&mut node.here, member, subscription);
    }

    /// Takes a subscription away.
    pub fn remove(&mut self, filter: &TopicFilter, member: MemberId) {
        let levels: Vec<&str> = filter.levels().collect();
        self.root.remove(&levels, member);
    }

    /// Gives a member's subscription to another member.
    pub fn hand_over(&mut self, filter: &TopicFilter, from: MemberId, to: MemberId) {
        let mut node = Some(&mut self.root);
        let mut levels = filter.levels();
        let list = loop {
            let Some(here) = node else { return };
            match levels.next() {
                None => break &mut here.here,
                Some("#") => break &mut here.below,
                Some(level) => node = here.children.get_mut(level),
            }
        };
        list.iter_mut().filter(|(member, _)| *member == from).for_each(|(member, _)| *member = to);
    }

    /// Calls `found` for every subscription that matches [MQTT-3.3.2-3].
    pub fn matching(&self, topic: &TopicName, mut found: impl FnMut(MemberId, &Subscription)) {
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
    fn matching(&self, levels: &[&str], found: &mut dyn FnMut(MemberId, &Subscription)) {
        self.below.iter().for_each(|(member, subscription)| found(*member, subscription));
        match levels {
            [] => self.here.iter().for_each(|(member, subscription)| found(*member, subscription)),
            [level, rest @ ..] => {
                for key in [level, "+"] {
                    if let Some(node) = self.children.get(key) {
                        node.matching(rest, found);
                    }
                }
            }
        }
    }

    fn remove(&mut self, levels: &[&str], member: MemberId) {
        match levels {
            ["#"] => self.below.retain(|(other, _)| *other != member),
            [] => self.here.retain(|(other, _)| *other != member),
            [level, rest @ ..] => {
                let Some(node) = self.children.get_mut(*level) else { return };
                node.remove(rest, member);
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

fn put(list: &mut Vec<(MemberId, Subscription)>, member: MemberId, subscription: Subscription) {
    match list.iter_mut().find(|(other, _)| *other == member) {
        Some((_, older)) => *older = subscription,
        None => list.push((member, subscription)),
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
        tree.matching(&TopicName::parse(topic).expect("valid"), |member, _| found.push(member.0));
        found.sort_unstable();
        found
    }

    #[test]
    fn what_is_removed_leaves_nothing() {
        let mut tree = Tree::default();
        for text in ["a/b", "a/+/c", "#", "a/#", "+"] {
            tree.insert(&filter(text), MemberId(1), subscription());
        }
        assert_eq!(found(&tree, "a/b"), [1, 1, 1]);
        for text in ["a/b", "a/+/c", "#", "a/#", "+", "never/there"] {
            tree.remove(&filter(text), MemberId(1));
        }
        assert!(tree.is_empty());
    }

    #[test]
    fn what_is_handed_over_is_found_under_the_other_member() {
        let mut tree = Tree::default();
        for text in ["a/b", "a/#", "+/b"] {
            tree.insert(&filter(text), MemberId(1), subscription());
            tree.hand_over(&filter(text), MemberId(1), MemberId(2));
        }
        tree.hand_over(&filter("never/there"), MemberId(1), MemberId(2));
        assert_eq!(found(&tree, "a/b"), [2, 2, 2]);
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
