//! Where a secret stands: in the file, in the environment, in a file of its own.
//! It is read when it is needed, so that a replaced secret file counts, and it is never printed.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use stagewire_model::Secret;

/// A value of `[connection.fields]`, or the place to read it from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum SecretRef {
    Plain(Secret<String>),
    /// `env:NAME`
    Env(String),
    /// `file:/path`; relative ones start at the folder of the configuration file.
    File(PathBuf),
}

impl SecretRef {
    /// `beside` is the folder of the configuration file.
    pub(super) fn parse(text: &str, beside: &Path) -> Result<Self, String> {
        let place = text
            .split_once(':')
            .filter(|(kind, _)| matches!(*kind, "env" | "file"));
        match place {
            Some((kind, "")) => Err(format!("`{kind}:` names nothing")),
            Some(("env", name)) if name.contains(|c: char| c.is_whitespace() || c == '=') => {
                Err("this cannot be the name of an environment variable".to_owned())
            }
            Some(("env", name)) => Ok(Self::Env(name.to_owned())),
            Some((_, path)) => Ok(Self::File(beside.join(path))),
            None => Ok(Self::Plain(Secret::new(text.to_owned()))),
        }
    }

    /// The value itself. A line break at the end of a secret file is not part of the secret.
    pub(crate) fn resolve(
        &self,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Secret<String>, String> {
        match self {
            Self::Plain(value) => Ok(value.clone()),
            Self::Env(name) => match env(name) {
                Some(value) => Ok(Secret::new(value)),
                None => Err(format!("the environment has no {name}")),
            },
            Self::File(path) => match fs::read_to_string(path) {
                Ok(value) => Ok(Secret::new(value.trim_end_matches(['\r', '\n']).to_owned())),
                Err(error) => Err(format!("cannot read {}: {error}", path.display())),
            },
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_break_at_the_end_of_a_secret_file_is_no_part_of_the_secret() {
        let name = format!("stagewire-secret-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        fs::write(&file, " tell \r\n").expect("the temporary folder takes a file");
        let read = SecretRef::File(file.clone()).resolve(&|_| None);
        fs::remove_file(&file).expect("the file was just written");
        assert_eq!(read, Ok(Secret::new(" tell ".to_owned())));
    }
}
