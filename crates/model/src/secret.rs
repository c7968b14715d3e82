//! Values that must not be printed. They can be read by whoever asks by name, and never by accident.

use serde::{Deserialize, Serialize};

macro_rules! hidden {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
        #[serde(transparent)]
        pub struct $name<T>(T);

        impl<T> $name<T> {
            /// Hides a value.
            pub fn new(value: T) -> Self {
                Self(value)
            }
            /// The value itself; never for logs, metrics or errors.
            pub fn reveal(&self) -> &T {
                &self.0
            }
        }

        impl<T> std::fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("[hidden]")
            }
        }

        impl<T> std::fmt::Display for $name<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("[hidden]")
            }
        }
    };
}

hidden!(Secret, "A key, token or password: prints `[hidden]`.");
hidden!(Personal, "Data about a person: prints `[hidden]`.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_prints_what_it_holds() {
        let text = format!("{:?} {}", Secret::new("k3y"), Personal::new("Ana"));
        assert_eq!(text, "[hidden] [hidden]");
    }
}
