//! Chromium under the driver's control: started with a fresh profile, asked, and taken down again, also after a panic.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use system_tests::Process;
use tempfile::TempDir;
use thirtyfour::{ChromiumLikeCapabilities as _, LoggingPrefsLogLevel, prelude::*};

/// How long anything on a page may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
const MISSING: &str = "the browser tests need Chromium, its driver and a Korean font: \
    apt-get install chromium chromium-driver fontconfig fonts-noto-cjk";
/// What Chromium is started with: without a window, and without anything that talks to others.
const FLAGS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--accept-lang=ko-KR",
];

/// The size of what the visitor looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    Phone,
    Desktop,
}

impl Screen {
    /// In CSS pixels.
    pub(crate) fn width(self) -> u64 {
        match self {
            Screen::Phone => 390,
            Screen::Desktop => 1280,
        }
    }

    fn metrics(self) -> Value {
        let (height, scale) = match self {
            Screen::Phone => (844, 2),
            Screen::Desktop => (900, 1),
        };
        let is_phone = self == Screen::Phone;
        json!({"width": self.width(), "height": height, "deviceScaleFactor": scale, "mobile": is_phone})
    }
}

/// A browser with one page. The fields are dropped in this order: the driver's process group takes Chromium along.
#[derive(Debug)]
pub(crate) struct Driven {
    driver: WebDriver,
    _driver_process: Process,
    _profile: TempDir,
}

impl Driven {
    pub(crate) async fn start(screen: Screen) -> Driven {
        let profile = TempDir::with_prefix("seungin-chromium-").unwrap();
        let mut command = std::process::Command::new("chromedriver");
        command.arg("--port=0");
        let mut process = Process::start(command, profile.path(), "chromedriver", MISSING);
        let port: u16 = process.wait_for("port", |process| {
            let said = process.said();
            let (_, rest) = said.split_once("started successfully on port ")?;
            rest.split_once('.')?.0.parse().ok()
        });
        let data = format!("--user-data-dir={}", profile.path().join("profile").display());
        let flags: Vec<&str> = FLAGS.into_iter().chain([data.as_str()]).collect();
        let mut capabilities = DesiredCapabilities::chrome();
        for flag in flags {
            capabilities.add_arg(flag).unwrap();
        }
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await;
        let driver = driver.unwrap_or_else(|error| panic!("no browser ({error}): {MISSING}"));
        let driven = Driven { driver, _driver_process: process, _profile: profile };
        driven.tell_page("Emulation.setDeviceMetricsOverride", screen.metrics()).await;
        let has_no_bars = json!({"hidden": screen == Screen::Phone});
        driven.tell_page("Emulation.setScrollbarsHidden", has_no_bars).await;
        driven.prefer("light").await;
        driven
    }

    pub(crate) fn driver(&self) -> &WebDriver {
        &self.driver
    }

    /// Lets pages believe that their visitor prefers this colour scheme; and no motion, so that screenshots show what is
    /// there and not what is on its way.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let scheme = json!({"name": "prefers-color-scheme", "value": scheme});
        let motion = json!({"name": "prefers-reduced-motion", "value": "reduce"});
        self.tell_page("Emulation.setEmulatedMedia", json!({"features": [scheme, motion]})).await;
    }

    /// A command of Chrome's DevTools protocol.
    pub(crate) async fn tell_page(&self, method: &str, parameters: Value) {
        self.driver.cdp().send_raw(method, parameters).await.unwrap();
    }

    /// What the console has to complain about since the last question: errors, warnings, violated policies.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let entries = self.driver.browser_log().await.unwrap();
        let is_bad = |level: &str| matches!(level, "SEVERE" | "WARNING");
        let bad = entries.into_iter().filter(|entry| is_bad(&entry.level));
        bad.map(|entry| format!("{} {}", entry.level, entry.message)).collect()
    }

    /// Ends the browser in the proper way.
    pub(crate) async fn quit(self) {
        self.driver.clone().quit().await.unwrap();
    }
}

/// Looks again and again until there is something, within bounds.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
