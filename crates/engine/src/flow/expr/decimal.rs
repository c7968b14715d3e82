//! Exact decimal numbers for `mul` and `round`: money and scores are never floats.

/// A decimal number: `digits` divided by ten to the power of `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: i128,
    scale: u32,
}

const MOST_DIGITS: usize = 30;

impl Decimal {
    /// Reads `-12.50`; no exponent, no spaces, at most 30 digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (sign, body) = match text.strip_prefix('-') {
            Some(body) => (-1, body),
            None => (1, text),
        };
        let (whole, part) = body.split_once('.').unwrap_or((body, ""));
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let dangling = body.contains('.') && part.is_empty();
        if whole.is_empty() || dangling || !plain(whole) || !plain(part) {
            return None;
        }
        if whole.len() + part.len() > MOST_DIGITS {
            return None;
        }
        let digits: i128 = format!("{whole}{part}").parse().ok()?;
        Some(Self {
            digits: sign * digits,
            scale: u32::try_from(part.len()).ok()?,
        })
    }

    /// The product, exact; none when it has too many digits.
    pub(super) fn mul(self, other: Self) -> Option<Self> {
        let product = Self {
            digits: self.digits.checked_mul(other.digits)?,
            scale: self.scale + other.scale,
        };
        // Products keep the decimals they need: 2.50 * 2 is 5.00, not 5.000.
        let keep = self.scale.max(other.scale);
        let mut short = product;
        while short.scale > keep && short.digits % 10 == 0 {
            short.digits /= 10;
            short.scale -= 1;
        }
        let fits = short.digits.unsigned_abs().to_string().len() <= MOST_DIGITS
            && short.scale as usize <= MOST_DIGITS;
        fits.then_some(short)
    }

    /// Rounded to so many decimals, halves away from zero, as on an invoice.
    pub(super) fn round(self, places: u32) -> Self {
        if self.scale <= places {
            return self;
        }
        let Some(unit) = 10_i128.checked_pow(self.scale - places) else {
            return Self {
                digits: 0,
                scale: places,
            };
        };
        let half = unit / 2 * self.digits.signum();
        Self {
            digits: (self.digits + half) / unit,
            scale: places,
        }
    }

    /// Whole part and decimals brought to one length, so that they compare.
    fn parts(self) -> (i128, i128) {
        let unit = 10_i128.pow(self.scale);
        let rest = 10_i128.pow((MOST_DIGITS as u32).saturating_sub(self.scale));
        (self.digits / unit, self.digits % unit * rest)
    }

    /// The order of the numbers: 10 after 9, 1.50 the same as 1.5.
    pub(super) fn order(self, other: Self) -> std::cmp::Ordering {
        self.parts().cmp(&other.parts())
    }

    /// The whole number, if there are no decimals and it fits.
    pub(super) fn whole(self) -> Option<i64> {
        (self.scale == 0)
            .then_some(self.digits)
            .and_then(|digits| i64::try_from(digits).ok())
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scale = self.scale as usize;
        let digits = format!("{:0>1$}", self.digits.unsigned_abs(), scale + 1);
        let (whole, part) = digits.split_at(digits.len() - scale);
        let sign = if self.digits < 0 { "-" } else { "" };
        match part {
            "" => write!(f, "{sign}{whole}"),
            part => write!(f, "{sign}{whole}.{part}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).expect("a number")
    }

    #[test]
    fn only_plain_decimals_are_numbers() {
        for text in ["", "-", ".5", "5.", "1e9", " 1", "1,5", "--1", "0x1", "NaN"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::parse(&"9".repeat(31)), None);
        assert_eq!(number("-0012.50").to_string(), "-12.50");
        assert_eq!(number("0.05").to_string(), "0.05");
    }

    #[test]
    fn products_are_exact() {
        let product = |a, b| number(a).mul(number(b)).map(|n| n.to_string());
        assert_eq!(product("0.1", "0.2").as_deref(), Some("0.02"));
        assert_eq!(product("85000.00", "1.1").as_deref(), Some("93500.00"));
        assert_eq!(product("2.50", "2").as_deref(), Some("5.00"));
        assert_eq!(product(&"9".repeat(30), &"9".repeat(30)), None);
    }

    #[test]
    fn numbers_are_ordered_as_numbers() {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let order = |a, b| number(a).order(number(b));
        assert_eq!(order("10", "9"), Greater);
        assert_eq!(order("1.50", "1.5"), Equal);
        assert_eq!(order("-1.5", "-1.2"), Less);
        assert_eq!(order("-0.5", "0.3"), Less);
        let small = format!("0.{}1", "0".repeat(28));
        assert_eq!(order(&"9".repeat(30), &small), Greater);
    }

    #[test]
    fn halves_round_away_from_zero() {
        assert_eq!(number("2.345").round(2).to_string(), "2.35");
        assert_eq!(number("-2.345").round(2).to_string(), "-2.35");
        assert_eq!(number("2.4").round(0).to_string(), "2");
        assert_eq!(number("2.4").round(0).whole(), Some(2));
        assert_eq!(number("7").round(2).to_string(), "7");
        assert_eq!(number("2.4").whole(), None);
    }
}
