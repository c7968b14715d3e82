//! Tools for tests: HTTP floor, books, seeds, faults. No vendor in it.
