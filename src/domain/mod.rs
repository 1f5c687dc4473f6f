//! The vocabulary: commands, replies, events, devices and who asks for them.
