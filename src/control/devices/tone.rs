//! Tones: a frequency, or a note by its name.

use std::ops::RangeInclusive;

use crate::domain::{Code, Datum, Refusal};

/// In Hz: what people hear.
pub(super) const RANGE: RangeInclusive<f64> = 20.0..=20_000.0;

/// The frequency of a tone in Hz: that frequency itself, or a note such as `A4` (440 Hz), `C#5` or `Bb3`.
pub(super) fn frequency(tone: &Datum) -> Result<f64, Refusal> {
    let frequency = match tone {
        Datum::Number(frequency) => Some(*frequency),
        Datum::Text(text) => note(text).or_else(|| text.parse().ok()),
        _ => None,
    };
    match frequency.filter(|frequency| frequency.is_finite()) {
        Some(frequency) if RANGE.contains(&frequency) => Ok(frequency),
        Some(frequency) => {
            let message = format!("tone is from 20 to 20000 Hz, not {frequency}");
            Err(Refusal::new(Code::OutOfRange, message))
        }
        None => {
            let message = format!("tone is a frequency in Hz or a note such as A4, not {tone:.32}");
            Err(Refusal::new(Code::BadValue, message))
        }
    }
}

/// In scientific pitch notation, equally tempered.
fn note(text: &str) -> Option<f64> {
    let mut characters = text.chars();
    let above_c = match characters.next()?.to_ascii_uppercase() {
        'C' => 0,
        'D' => 2,
        'E' => 4,
        'F' => 5,
        'G' => 7,
        'A' => 9,
        'B' => 11,
        _ => return None,
    };
    let rest = characters.as_str();
    let (shift, octave) = match (rest.strip_prefix('#'), rest.strip_prefix('b')) {
        (Some(octave), _) => (1, octave),
        (_, Some(octave)) => (-1, octave),
        (None, None) => (0, rest),
    };
    let octave = match octave.as_bytes() {
        [digit @ b'0'..=b'9'] => i32::from(digit - b'0'),
        _ => return None,
    };
    // A4, the ninth half tone of its octave, has 440 Hz.
    let half_tones = (octave - 4) * 12 + above_c + shift - 9;
    Some(440.0 * 2f64.powf(f64::from(half_tones) / 12.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_a_frequency_or_a_note() {
        let frequency = |tone: &str| super::frequency(&Datum::from(tone)).map_err(|refusal| refusal.code);
        for (tone, expected) in
            [("A4", 440.0), ("a5", 880.0), ("C4", 261.626), ("Bb3", 233.082), ("523.5", 523.5)]
        {
            assert!((frequency(tone).expect(tone) - expected).abs() < 0.001, "{tone}");
        }
        assert_eq!(frequency("C#5"), frequency("Db5"));
        for tone in ["H4", "A", "A44", "", "loud", "nan"] {
            assert_eq!(frequency(tone), Err(Code::BadValue), "{tone}");
        }
        for tone in ["C0", "20001", "-3"] {
            assert_eq!(frequency(tone), Err(Code::OutOfRange), "{tone}");
        }
    }
}
