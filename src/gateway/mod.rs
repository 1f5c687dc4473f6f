//! Frames to commands and events to frames, for each client.
