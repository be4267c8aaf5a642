//! Wrong clocks, by `faketime`.

/// Takes away what `faketime` left in shared memory for processes that were killed: it refuses to start under a process id that has any.
pub fn clear_dead_clocks() {
    let Ok(entries) = std::fs::read_dir("/dev/shm") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let of_pid = name
            .strip_prefix("sem.faketime_sem_")
            .or_else(|| name.strip_prefix("faketime_shm_"))
            .and_then(|pid| pid.parse::<u32>().ok());
        if of_pid.is_some_and(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists()) {
            // Somebody else's, or gone by now: then it is not in the way either.
            let _not_ours = std::fs::remove_file(entry.path());
        }
    }
}
