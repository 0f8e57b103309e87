//! Readings and identities → metric families.
