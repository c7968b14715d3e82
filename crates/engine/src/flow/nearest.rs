//! The nearest right name for a wrong one, so that an error can say what was probably meant.

/// The candidate closest to `name`, if one is close enough to be worth naming.
pub fn nearest<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    // A typing slip in a short word, two or three in a long one; anything further is a guess.
    let most = (lower.chars().count() / 3).clamp(1, 3);
    among
        .into_iter()
        .map(|other| (distance(&lower, &other.to_lowercase(), most), other))
        .filter(|(away, _)| *away <= most)
        .min_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1)))
        .map(|(_, other)| other)
}

/// A hint that names the nearest right name, or failing that all of them when they are few.
pub fn hint<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let all: Vec<&str> = among.into_iter().collect();
    if let Some(found) = nearest(name, all.iter().copied()) {
        return Some(format!("did you mean `{found}`?"));
    }
    match all.len() {
        0 => None,
        1..=12 => Some(format!("it can be: {}", all.join(", "))),
        _ => None,
    }
}

/// Edits between two words (insert, delete, change, swap neighbours), or `most + 1` when more.
fn distance(a: &str, b: &str, most: usize) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    if a.len().abs_diff(b.len()) > most {
        return most + 1;
    }
    let width = b.len() + 1;
    let mut before: Vec<usize> = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1; width];
        for (j, y) in b.iter().enumerate() {
            let change = last[j] + usize::from(x != y);
            row[j + 1] = change.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word() {
        let names = ["full_name", "first_name", "headline", "location"];
        assert_eq!(nearest("fullname", names), Some("full_name"));
        assert_eq!(nearest("frist_name", names), Some("first_name"));
        assert_eq!(nearest("Location", names), Some("location"));
        assert_eq!(nearest("salary", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn neighbours_swapped_count_as_one_edit() {
        assert_eq!(distance("neddes", "needs", 3), 2);
        assert_eq!(distance("nedes", "needs", 3), 1);
        assert_eq!(distance("abcdef", "uvwxyz", 2), 6);
        assert_eq!(distance("a", "abcdef", 2), 3);
    }

    #[test]
    fn few_choices_are_all_named() {
        assert_eq!(
            hint("blue", ["read-only", "auto"]).as_deref(),
            Some("it can be: read-only, auto")
        );
        assert_eq!(
            hint("autp", ["read-only", "auto"]).as_deref(),
            Some("did you mean `auto`?")
        );
        assert_eq!(hint("x", []), None);
    }
}
