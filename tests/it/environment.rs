//! The real systems of the test environment, started by `tests/env/up`.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    sync::atomic::{AtomicU32, Ordering},
};

/// Facts of the environment: `KEY=value` lines of its file `env`.
pub struct Environment {
    dir: PathBuf,
    facts: HashMap<String, String>,
}

static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(|| {
    let dir = PathBuf::from(std::env::var_os("OS2NYKODE_TEST_ENV").expect("the tests need Samba and PostgreSQL: run scripts/test"));
    let text = std::fs::read_to_string(dir.join("env")).expect("the environment is up: run scripts/test");
    let unquote = |v: &str| v.trim_matches(['\'', '"']).to_owned();
    let facts = text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.trim().to_owned(), unquote(v))).collect();
    Environment { dir, facts }
});

/// The environment. Panics if it is not running.
pub fn environment() -> &'static Environment {
    &ENVIRONMENT
}

impl Environment {
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn fact(&self, key: &str) -> &str {
        self.facts.get(key).unwrap_or_else(|| panic!("tests/env/up tells {key}"))
    }

    pub fn tls(&self, file: &str) -> PathBuf {
        self.dir.join("tls").join(file)
    }

    /// Moves an account's pwdLastSet back by so many days, so that the minimum age is over.
    pub fn age(&self, account: &str, days: u32) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/env/age");
        let done = Command::new(script).arg(&self.dir).args([account, &days.to_string()]).output().expect("tests/env/age runs");
        assert!(done.status.success(), "tests/env/age {account}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// A word that no other test of this run uses.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Writes a file with secrets, readable by its owner only, as the service demands.
pub fn write_private(path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> std::io::Result<()> {
    std::fs::write(&path, content)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
}
