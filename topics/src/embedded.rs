//! The log in one folder.
