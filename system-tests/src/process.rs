//! One process that a test started: its output goes to files, and it never outlives its owner.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to start or to end on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A process that was told to stop may wait for calls that are under way, which can take a minute.
const END_PATIENCE: Duration = Duration::from_secs(90);
/// Before this age a process may not listen to signals yet, and is ended by them.
const YOUNG: Duration = Duration::from_secs(10);
/// The number of that signal.
const TERMINATED: i32 = 15;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// What a process can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// To end, in good order.
    Terminate,
    /// To stand still, whatever it is doing.
    Stop,
    /// To go on.
    Continue,
}

impl Signal {
    fn flag(self) -> &'static str {
        match self {
            Signal::Terminate => "-TERM",
            Signal::Stop => "-STOP",
            Signal::Continue => "-CONT",
        }
    }
}

/// A process in a process group of its own. Dropped, the whole group is killed, also when a test panics.
#[derive(Debug)]
pub struct Process {
    child: Child,
    output: PathBuf,
    name: String,
    began: Instant,
}

impl Process {
    /// Starts a command; what it says goes to `{name}.log` in the directory, stdout and stderr as one.
    ///
    /// # Panics
    /// The command cannot be started; `missing` says what to do about it.
    #[must_use]
    pub fn start(mut command: Command, directory: &Path, name: &str, missing: &str) -> Process {
        use std::os::unix::process::CommandExt as _;
        let output = directory.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&output).unwrap();
        let other = file.try_clone().unwrap();
        command.stdin(Stdio::null()).stdout(file).stderr(other).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("{} cannot be started ({error}): {missing}", command.get_program().display())
        });
        Process { child, output, name: name.to_owned(), began: Instant::now() }
    }

    /// Its id, which is that of its group, too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its name, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it has said so far.
    #[must_use]
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    /// Looks again and again until there is something.
    ///
    /// # Panics
    /// The process ended, or it took longer than a minute.
    pub fn wait_for<T>(&mut self, what: &str, mut look: impl FnMut(&Process) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "{} gave no {what} ({ended:?}): {}",
                self.name,
                self.said()
            );
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// Sends a signal to the process alone.
    ///
    /// # Panics
    /// There is no such process any more, or no command `kill`.
    pub fn signal(&self, signal: Signal) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal.flag(), "--", &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{}: {}", self.name, self.said());
    }

    /// Whether it has ended, and how.
    ///
    /// # Panics
    /// The system does not know the process.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Its memory in KiB and how many threads it has, by Linux; nothing of one that is gone.
    #[must_use]
    pub fn size(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.unwrap_or_default();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
        };
        (number("VmRSS:"), number("Threads:"))
    }

    /// Insists that it has not ended and that nothing in it panicked.
    ///
    /// # Panics
    /// It has, or something did.
    pub fn insist_well(&mut self) {
        let ended = self.child.try_wait().unwrap();
        let said = self.said();
        assert!(ended.is_none(), "{} ended by itself ({ended:?}): {said}", self.name);
        assert!(!said.contains("panicked at"), "{} panicked: {said}", self.name);
    }

    /// Waits for its end; gives the exit code, and how long that took.
    ///
    /// # Panics
    /// It goes on for longer than a minute and a half, or was ended by a signal.
    pub fn wait_for_end(&mut self) -> (i32, Duration) {
        let began = Instant::now();
        let status = self.wait_for_status();
        let code = status.code();
        let Some(code) = code else { panic!("{}: {status}: {}", self.name, self.said()) };
        (code, began.elapsed())
    }

    /// Tells it to stop; it has to end in good order, unless it has only just begun.
    ///
    /// # Errors
    /// It ended otherwise, or goes on for longer than a minute and a half.
    pub fn stop(&mut self) -> Result<(), String> {
        use std::os::unix::process::ExitStatusExt as _;
        let is_young = self.began.elapsed() < YOUNG;
        // Of one that has ended there is the status still.
        let id = self.child.id().to_string();
        drop(Command::new("kill").args([Signal::Terminate.flag(), "--", &id]).status());
        let status = self.status_at_end()?;
        let is_well = status.success() || (is_young && status.signal() == Some(TERMINATED));
        if is_well { Ok(()) } else { Err(format!("{} ended with {status}", self.name)) }
    }

    /// Waits until a signal ends it; gives the signal.
    ///
    /// # Panics
    /// It goes on for longer than a minute and a half, or ended by itself.
    pub fn wait_for_signal(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt as _;
        let status = self.wait_for_status();
        let signal = status.signal();
        signal.unwrap_or_else(|| panic!("{}: {status}: {}", self.name, self.said()))
    }

    fn wait_for_status(&mut self) -> ExitStatus {
        self.status_at_end().unwrap_or_else(|error| panic!("{error}: {}", self.said()))
    }

    fn status_at_end(&mut self) -> Result<ExitStatus, String> {
        let began = Instant::now();
        while began.elapsed() < END_PATIENCE {
            let status = self.child.try_wait().map_err(|error| error.to_string())?;
            if let Some(status) = status {
                return Ok(status);
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
        Err(format!("{} does not end", self.name))
    }

    /// Ends it as a power cut would, and waits until it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // The group first: it has members that the process started itself. It may have ended already.
        let group = format!("-{}", self.child.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
        // Whether or not there is such a command: waiting for what lives on would take forever.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
