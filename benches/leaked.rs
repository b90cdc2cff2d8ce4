//! Costs of the list of leaked passwords: bytes per hash, speed and memory of the import, look-ups with cold and warm caches.
//!
//! Twenty million hashes are generated within a fiftieth of the hash space, which gives them the density of a billion.
//! Bytes per hash and look-ups are therefore those of a billion. The import's times are multiplied by fifty.
//! Both are extrapolations and printed as such.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::{
    fs,
    hint::black_box,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use os2nykode::{
    leaked::{List, Offline},
    model::credential::password::Password,
};

const HASHES: u64 = 20_000_000;
/// Ratio of a billion hashes to the generated ones.
const TIMES: u64 = 50;
const LOOKUPS: usize = 2000;

/// SplitMix64: fast, and the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number between 0 and 1.
    #[expect(clippy::cast_precision_loss, reason = "53 of 64 bits")]
    fn share(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }
}

/// Writes sorted hashes with the density of a billion, and counts like the public list's: most below ten, a few in the millions.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "random numbers")]
fn generate(path: &Path) -> std::io::Result<u64> {
    let (mut random, mut key) = (Random(1), 0_u64);
    let mean = (u64::MAX / (HASHES * TIMES)) as f64;
    let mut file = BufWriter::with_capacity(1 << 20, fs::File::create(path)?);
    for _ in 0..HASHES {
        key += (-random.share().ln() * mean) as u64 + 1;
        let count = (1.0 / random.share().powf(1.1)).min(4e7) as u64;
        writeln!(file, "{key:016X}{:016X}{:08X}:{count}", random.next(), random.next() >> 32)?;
    }
    file.flush()?;
    Ok(fs::metadata(path)?.len())
}

fn ours() -> PathBuf {
    // A release binary, as operators run it.
    PathBuf::from(env!("CARGO_BIN_EXE_os2nykode"))
}

/// Costs of an import in a process of its own.
struct Cost {
    took: Duration,
    /// CPU time in seconds, which is the duration on an idle machine with a fast enough disk.
    cpu: f64,
    /// Largest resident memory in KB.
    memory: u64,
}

fn import(folder: &Path, source: &Path) -> Cost {
    let config = folder.join("config.toml");
    let target = folder.join("leaked.list");
    fs::write(&config, format!("[policy.leaked]\nfile = \"{}\"\n", target.display())).expect("written");
    let begun = Instant::now();
    let mut child = Command::new(ours())
        .args(["leaked", "import", "--partial", "--restart"])
        .arg(source)
        .arg("--config")
        .arg(&config)
        .spawn()
        .expect("started");
    let (mut largest, mut cpu) = (0, 0.0);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a state") {
            break status;
        }
        largest = largest.max(memory(child.id()).unwrap_or(0));
        cpu = processor(child.id()).unwrap_or(cpu);
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success());
    Cost { took: begun.elapsed(), cpu, memory: largest }
}

/// CPU time of a process in seconds. Linux counts hundredths.
fn processor(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    Some((fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?) / 100.0)
}

/// `VmHWM` of a process in KB.
fn memory(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Removes the file from the kernel's page cache.
fn forget(path: &Path) {
    let file = fs::File::open(path).expect("a file");
    file.sync_all().expect("on disk");
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("forgotten");
}

/// Microseconds of each look-up, sorted.
fn look_up(offline: &Offline, runtime: &tokio::runtime::Runtime, passwords: &[Password], before: &mut dyn FnMut()) -> Vec<f64> {
    let mut times: Vec<f64> = passwords
        .iter()
        .map(|password| {
            before();
            let begun = Instant::now();
            black_box(runtime.block_on(offline.look_up(password)).expect("an answer"));
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

fn print(what: &str, times: &[f64]) {
    let at = |share: usize| times[times.len() * share / 100];
    println!("{what}: median {:.1} µs, 95 % {:.1} µs, 99 % {:.1} µs, of {}", at(50), at(95), at(99), times.len());
}

/// Passwords whose digests are in the generated range of the list: the first fiftieth.
fn passwords(count: usize) -> Vec<Password> {
    let within = |text: &String| {
        let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        u64::from(u32::from_be_bytes(*digest.as_ref().first_chunk().expect("4 bytes"))) < (1 << 32) / TIMES
    };
    let texts = (0..).map(|number| format!("kodeord {number}")).filter(within).take(count);
    texts.map(|text| Password::parse(text).expect("a password")).collect()
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn main() {
    let folder = tempfile::tempdir_in(std::env::var_os("BENCH_FOLDER").unwrap_or_else(|| "target".into())).expect("a folder");
    let source = folder.path().join("download.txt");
    let bytes = generate(&source).expect("generated");
    println!("generated {HASHES} hashes, {bytes} bytes");
    let cold = {
        forget(&source);
        import(folder.path(), &source)
    };
    let warm = import(folder.path(), &source);
    let target = folder.path().join("leaked.list");
    let size = fs::metadata(&target).expect("a list").len();
    for (name, Cost { took, cpu, memory }) in [("not in memory", cold), ("in memory", warm)] {
        let (seconds, megabytes) = (took.as_secs_f64(), bytes as f64 / 1e6);
        println!(
            "import, verification included, source {name}: {seconds:.1} s ({:.0} MB/s of the source), {cpu:.1} s of the processor ({:.0} MB/s), {:.0} MB of memory",
            megabytes / seconds,
            megabytes / cpu,
            memory as f64 / 1024.0
        );
        let minutes = |seconds: f64| seconds * TIMES as f64 / 60.0;
        println!(
            "  extrapolated to a billion: {:.0} min, {:.0} min of the processor, and 12 MB of memory more for the index",
            minutes(seconds),
            minutes(cpu)
        );
    }
    let each = size as f64 / HASHES as f64;
    println!("{each:.3} bytes a hash; extrapolated to a billion: {:.2} GB", each * HASHES as f64 * TIMES as f64 / 1e9);
    println!("false alarms at a billion: 1 in {:.1e}", 2_f64.powi(64) / (HASHES * TIMES) as f64);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let offline = Offline::over(List::open(&target).expect("a list"));
    let passwords = passwords(LOOKUPS);
    let before = memory(std::process::id()).unwrap_or(0);
    print("look-up, pages not in memory", &look_up(&offline, &runtime, &passwords[..200], &mut || forget(&target)));
    look_up(&offline, &runtime, &passwords, &mut || ());
    print("look-up, pages in memory", &look_up(&offline, &runtime, &passwords, &mut || ()));
    let after = memory(std::process::id()).unwrap_or(0);
    println!("memory of this process before and after the look-ups: {before} and {after} KB");
}
