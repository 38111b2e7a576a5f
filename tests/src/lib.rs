//! Worlds of phones, links and a hub.
