//! The master key that wraps all others: from the environment, or from a file that only the owner
//! can read and that is made at the first start. It is never printed and never in a backup.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use stagewire_engine::env::Env;
use stagewire_model::canonical;

/// Replaces the file.
pub(crate) const VARIABLE: &str = "STAGEWIRE_MASTER_KEY";
const FILE: &str = "master.key";

/// The key of a data directory; makes one where there is none yet.
pub(crate) fn hold(
    data_dir: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    dice: &dyn Env,
) -> Result<[u8; 32]> {
    if let Some(text) = env(VARIABLE) {
        return parse(&text).with_context(|| format!("{VARIABLE} is not a key"));
    }
    let file = data_dir.join(FILE);
    match fs::read_to_string(&file) {
        Ok(text) => parse(&text).with_context(|| format!("{} is not a key", file.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => make(data_dir, &file, dice),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// A new key, unless there is a database that was sealed with another one.
fn make(data_dir: &Path, file: &Path, dice: &dyn Env) -> Result<[u8; 32]> {
    if data_dir.join("stagewire.db").exists() {
        bail!(
            "{} is gone, and the database does not open without it; put it back, or set {VARIABLE}",
            file.display()
        );
    }
    let mut key = [0; 32];
    key[..16].copy_from_slice(&dice.random());
    key[16..].copy_from_slice(&dice.random());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut made = options
        .open(file)
        .with_context(|| format!("cannot make {}", file.display()))?;
    let text = format!("{}\n", canonical::hex(&key));
    made.write_all(text.as_bytes())
        .and_then(|()| made.sync_all())
        .with_context(|| format!("cannot write {}", file.display()))?;
    tracing::info!(file = %file.display(), "made the master key; keep a copy of it apart from your backups");
    Ok(key)
}

/// 32 bytes in hexadecimal or base64.
fn parse(text: &str) -> Result<[u8; 32]> {
    let text = text.trim();
    let bytes = match text.len() {
        64 => hexadecimal(text),
        _ => [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
            .iter()
            .find_map(|alphabet| alphabet.decode(text).ok()),
    };
    let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    key.context("it is 32 bytes, written in hexadecimal or base64")
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    Some(
        digits?
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_either_writing_and_nothing_else_is_one() {
        let key = [0xa7; 32];
        assert_eq!(parse(&"a7".repeat(32)).ok(), Some(key));
        assert_eq!(parse(&"A7".repeat(32)).ok(), Some(key));
        assert_eq!(
            parse(&format!("{}\n", STANDARD.encode(key))).ok(),
            Some(key)
        );
        assert_eq!(parse(&URL_SAFE_NO_PAD.encode(key)).ok(), Some(key));
        for bad in ["", "a7", &"g7".repeat(32), &STANDARD.encode([1; 31])] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
