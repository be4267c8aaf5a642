//! Carts and what they cost.
