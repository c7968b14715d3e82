//! Manifests: what a vendor is, as data. Loads, checks and interprets them; never does I/O itself.
