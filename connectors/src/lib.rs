//! The built-in connector folders, found by the build script.
