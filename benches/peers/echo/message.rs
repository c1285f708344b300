//! Messages of which no two are alike: one that went astray, came twice or was mixed up would be seen.

pub const MESSAGE: usize = 64;

const HEAD: usize = 8;

/// Number `sequence` of the messages of `client`: both numbers, then bytes that depend on both.
pub fn message(client: u32, sequence: u32) -> [u8; MESSAGE] {
    let mut message = [0; MESSAGE];
    message[..4].copy_from_slice(&client.to_le_bytes());
    message[4..HEAD].copy_from_slice(&sequence.to_le_bytes());
    // Weyl's sequence: eight bytes for an addition.
    let mut state = (u64::from(client) << 32 | u64::from(sequence)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for word in message[HEAD..].chunks_exact_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        word.copy_from_slice(&state.to_le_bytes());
    }
    message
}

/// The sequence number that a message says it has.
pub fn sequence(message: &[u8; MESSAGE]) -> u32 {
    u32::from_le_bytes([message[4], message[5], message[6], message[7]])
}
