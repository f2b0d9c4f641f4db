//! Measurements; see docs/decisions for what they showed.
