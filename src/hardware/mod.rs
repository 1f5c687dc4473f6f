//! Hands: the lines of a gpiochip, real or simulated.
