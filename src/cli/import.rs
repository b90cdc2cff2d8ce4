//! `os2nykode config import`: reads the settings of the first OS2nykode, and writes a configuration with its secrets' files.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::ExitCode,
};

use secrecy::ExposeSecret;

use crate::{
    cli::{UNUSABLE, complain, say},
    config::import::{self, Imported},
    operator_file,
};

/// Files are for their owner and their group: the service reads them by its group.
const MODE: u32 = 0o640;

/// Exit code 0: translated, even where lines need the operator; 2: nothing known was in the file, or a file could not be written.
pub(super) fn run(file: &Path, into: Option<&Path>) -> ExitCode {
    let text = match operator_file::text(file) {
        Ok(read) => read.text,
        Err(error) => return complain(&format!("{}: {error}\n", file.display()), ExitCode::from(UNUSABLE)),
    };
    let Some(imported) = import::import(&text) else {
        let what = "holds no setting of OS2nykode: give docker-compose.yml, an environment file or custom.properties";
        return complain(&format!("{} {what}\n", file.display()), ExitCode::from(UNUSABLE));
    };
    let Some(dir) = into else {
        let _ = complain(&imported.report(), ExitCode::SUCCESS);
        return say(&imported.config, ExitCode::SUCCESS);
    };
    match write(dir, &imported) {
        Ok(()) => say(&imported.report(), ExitCode::SUCCESS),
        Err(error) => complain(&format!("{error}\n"), ExitCode::from(UNUSABLE)),
    }
}

/// Writes new files only: nothing that exists is replaced.
fn write(dir: &Path, imported: &Imported) -> io::Result<()> {
    for secret in &imported.secrets {
        create(&dir.join(secret.file), secret.value.expose_secret())?;
    }
    create(&dir.join("config.toml"), &imported.config)
}

fn create(file: &Path, text: &str) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
    let mut created = OpenOptions::new().write(true).create_new(true).mode(MODE).open(file).map_err(named)?;
    created.write_all(text.as_bytes()).map_err(named)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn files_are_private_and_nothing_is_replaced() {
        let dir = tempfile::tempdir().expect("a folder");
        let imported = import::import("ldap.url=ldaps://dc1.kommune.dk\nldap.password=hemmelig\n").expect("known keys");
        write(dir.path(), &imported).expect("written");
        for file in ["config.toml", "bind-password"] {
            let mode = fs::metadata(dir.path().join(file)).expect(file).permissions().mode();
            assert_eq!(mode & 0o137, 0, "{file}: {mode:o}");
        }
        assert_eq!(fs::read_to_string(dir.path().join("bind-password")).expect("read"), "hemmelig");
        assert!(write(dir.path(), &imported).expect_err("refused").to_string().contains("bind-password"));
    }
}
