//! How much room there is where the data lies, as `df` tells it. Without that nothing is known, which is no fault.

use std::path::Path;
use std::process::Command;

/// Less free space than this is worth a word.
const LITTLE: u64 = 1024 * 1024 * 1024;

/// What is free; wrong where it is little.
pub(crate) fn look(data_dir: &Path) -> Result<String, String> {
    let told = Command::new("df").arg("-Pk").arg(data_dir).output();
    let told = told.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
    judge(&told.unwrap_or_default())
}

fn judge(told: &str) -> Result<String, String> {
    let row = told.lines().nth(1);
    let free = row.and_then(|row| row.split_whitespace().nth(3)?.parse::<u64>().ok());
    let Some(free) = free.map(|kilobytes| kilobytes * 1024) else {
        return Ok("its free space is not known".to_owned());
    };
    let says = format!("{} MB free", free / (1024 * 1024));
    match free < LITTLE {
        true => Err(says),
        false => Ok(says),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_worth_a_word_and_an_unknown_one_is_not() {
        let df = |free: &str| {
            format!(
                "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 9 9 {free} 9% /\n"
            )
        };
        assert_eq!(judge(&df("2097152")), Ok("2048 MB free".to_owned()));
        assert_eq!(judge(&df("512000")), Err("500 MB free".to_owned()));
        assert!(judge("").is_ok());
    }
}
