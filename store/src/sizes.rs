//! Batches in few sizes: a statement's text depends on how many rows it is about, and each text is prepared by itself, which costs more than
//! running it. So batches are cut, or filled up, to powers of two.

/// The same values, the last one repeated until there are a power of two of them.
pub(crate) fn padded<T: Copy>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().copied() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

/// The same rows, in pieces of powers of two, the largest first.
pub(crate) fn few_sizes<T>(mut rows: &[T]) -> Vec<&[T]> {
    let mut pieces = Vec::new();
    while let Some(exponent) = rows.len().checked_ilog2() {
        let (piece, rest) = rows.split_at(1 << exponent);
        pieces.push(piece);
        rows = rest;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_of_any_size_has_few_sizes() {
        let rows: Vec<u8> = (0..13).collect();
        let sizes: Vec<usize> = few_sizes(&rows).iter().map(|piece| piece.len()).collect();
        assert_eq!(sizes, [8, 4, 1]);
        assert_eq!(few_sizes(&rows).concat(), rows);
        assert!(few_sizes::<u8>(&[]).is_empty());
        assert_eq!(padded(vec![1, 2, 3]), [1, 2, 3, 3]);
        assert_eq!(padded(vec![1, 2, 3, 4]), [1, 2, 3, 4]);
        assert!(padded::<u8>(Vec::new()).is_empty());
    }
}
