//! What processes cost, by Linux: processor time and memory.

use std::fs::{read_dir, read_to_string};

/// Milliseconds in one tick of a process's times. Source: proc(5) and sysconf(_SC_CLK_TCK), 100 per second on every Linux.
const TICK_MS: u64 = 10;

/// What `/proc/PID/stat` tells of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// Processor time of the process itself, in user and kernel mode.
    own_ms: u64,
    /// That of its children that ended and were waited for.
    reaped_ms: u64,
}

/// Processor time of one process so far. `None` if there is no such process.
pub(crate) fn cpu_ms(process: u32) -> Option<u64> {
    Some(stat_of(process)?.own_ms)
}

/// Processor time of a server so far: its own, and that of its children, those that ended included.
pub(crate) fn family_cpu_ms(process: u32) -> Option<u64> {
    let head = stat_of(process)?;
    let others = read_dir("/proc").ok()?.filter_map(|entry| {
        let id = entry.ok()?.file_name().to_str()?.parse().ok()?;
        stat_of(id)
    });
    let children = others.filter(|one| one.parent == process).map(|one| one.own_ms);
    Some(head.own_ms + head.reaped_ms + children.sum::<u64>())
}

/// The most memory that a process had so far, in KiB.
pub(crate) fn peak_kib(process: u32) -> Option<u64> {
    parse_peak(&read_to_string(format!("/proc/{process}/status")).ok()?)
}

/// How many files this process and those that it starts may each have open. `None` for as many as they like.
pub(crate) fn open_files_max() -> Option<u32> {
    parse_open_files(&read_to_string("/proc/self/limits").ok()?)
}

fn stat_of(process: u32) -> Option<Stat> {
    parse_stat(&read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// Source: proc(5). The command's name is in parentheses and may have anything in it.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    // Field 3 of the manual is the first behind the name.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(field(4)?).ok()?,
        own_ms: (field(14)? + field(15)?) * TICK_MS,
        reaped_ms: (field(16)? + field(17)?) * TICK_MS,
    })
}

/// Source: proc(5). The soft limit stands before the hard one.
fn parse_open_files(limits: &str) -> Option<u32> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_that_looks_like_fields() {
        let text = "42 (a) S (9 b) S 7 42 42 0 -1 4194560 1000 0 0 0 12 3 40 5 20 0 9 0 100 0 0";
        let wanted = Stat { parent: 7, own_ms: 150, reaped_ms: 450 };
        assert_eq!(parse_stat(text), Some(wanted));
        assert_eq!(parse_stat("42 (cut"), None);
        assert_eq!(parse_stat("42 (short) S 1 2"), None);
    }

    #[test]
    fn the_peak_is_not_taken_for_the_present() {
        let status = "Name:\tseungin\nVmPeak:\t  999 kB\nVmHWM:\t   41234 kB\nVmRSS:\t   7 kB\n";
        assert_eq!(parse_peak(status), Some(41_234));
        assert_eq!(parse_peak("Name:\tgone\n"), None);
    }

    #[test]
    fn the_soft_limit_of_open_files_counts() {
        let limits = "Limit            Soft Limit  Hard Limit  Units\n\
                      Max open files   1024        524288      files\n";
        assert_eq!(parse_open_files(limits), Some(1_024));
        assert_eq!(parse_open_files("Max open files  unlimited  unlimited  files"), None);
    }

    #[test]
    fn this_process_has_a_size_and_a_family_and_one_that_is_not_there_has_none() {
        let own = std::process::id();
        assert!(peak_kib(own).is_some_and(|kib| kib > 100));
        assert!(family_cpu_ms(own) >= cpu_ms(own));
        assert_eq!(cpu_ms(u32::MAX), None);
    }
}
