//! What happened when, for people who watch and for those who come later.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

/// Lines with the time since the beginning, on stdout and in a file.
#[derive(Debug)]
pub(crate) struct Log {
    began: Instant,
    file: Mutex<File>,
}

impl Log {
    pub(crate) fn begin(file: &Path) -> std::io::Result<Log> {
        Ok(Log { began: Instant::now(), file: Mutex::new(File::create(file)?) })
    }

    pub(crate) fn say(&self, what: &str) {
        let ms = self.began.elapsed().as_millis();
        let line = format!("{:>5}.{} s  {what}", ms / 1_000, ms % 1_000 / 100);
        let mut file = self.file.lock().expect("nobody panics while writing a line");
        // Whoever closed the pipe has seen enough; the file has it all.
        let _seen = writeln!(std::io::stdout(), "{line}");
        let _kept = writeln!(file, "{line}");
    }
}
