//! IPv4 addresses in the forms that `inet_aton(3)` takes too: refused, with what was probably meant.
//!
//! Refuses to take any of them: `010.1` means different hosts to different programs.

use std::net::Ipv4Addr;

use super::AddressError;
use super::host::is_ipv4_part;
use super::port::is_digits;

pub(super) fn hex_digits(label: &str) -> Option<&str> {
    label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"))
}

/// The refusal of what ends in a number and is no dotted quad; `bare` is without the final dot.
pub(super) fn loose_ipv4(text: &str, bare: &str) -> AddressError {
    let labels: Vec<&str> = bare.split('.').collect();
    let error = AddressError::new(text, loose_ipv4_fault(&labels));
    let place = if is_digits(bare) { ", or a host before the port" } else { "" };
    match loose_ipv4_meaning(&labels) {
        Some(meant) => error.hint(format!("write {meant}{place}")),
        None => error.hint("write four decimal numbers from 0 to 255, as in 192.0.2.1"),
    }
}

fn loose_ipv4_fault(labels: &[&str]) -> &'static str {
    if !labels.iter().all(|label| is_ipv4_part(label)) {
        "a name that ends in a number must be an IPv4 address"
    } else if labels.iter().any(|label| hex_digits(label).is_some()) {
        "a hexadecimal IPv4 address is not taken"
    } else if labels.iter().any(|label| is_octal(label)) {
        "an octal IPv4 address (leading zero) is not taken"
    } else {
        match labels.len() {
            1 => "a decimal IPv4 address (one number) is not taken",
            2 | 3 => "a short IPv4 address (fewer than four numbers) is not taken",
            4 if loose_ipv4_meaning(labels).is_some() => "an IPv4 address ends without a dot",
            4 => "an IPv4 address has no number above 255",
            _ => "an IPv4 address has four numbers, not more",
        }
    }
}

fn is_octal(label: &str) -> bool {
    label.len() > 1 && label.starts_with('0') && is_digits(label)
}

/// What `inet_aton(3)` would make of it: the last number fills all the bytes that are left. None
/// where programs disagree: a leading zero is octal to some and decimal to others.
fn loose_ipv4_meaning(labels: &[&str]) -> Option<Ipv4Addr> {
    let number = |label: &&str| match hex_digits(label) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if is_octal(label) => None,
        None => label.parse().ok(),
    };
    let numbers: Vec<u32> = labels.iter().map(number).collect::<Option<_>>()?;
    let (&last, head) = numbers.split_last()?;
    let mut bytes = last.to_be_bytes();
    // The head's bytes must be free in `last`; more than four numbers find no place.
    for (place, number) in head.iter().enumerate() {
        let byte = bytes.get_mut(place).filter(|byte| **byte == 0)?;
        *byte = u8::try_from(*number).ok()?;
    }
    (head.len() < bytes.len()).then(|| bytes.into())
}
