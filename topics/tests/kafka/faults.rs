//! Kills: of a member's process, and of the broker.

