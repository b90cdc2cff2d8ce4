//! The corpora of `tests/data`: how many weak passwords are refused, and how many good ones.

use super::*;

const PERSON: [&str; 8] = [
    "Mette Kjærgaard Holm",
    "mkho",
    "Borgerservice",
    "Rådhuset, Lokale 214",
    "86 12 34 56",
    "1979-08-24",
    "mkho@solkoebing.test",
    "Solkøbing Kommune",
];

/// Those of a corpus that are judged wrong, and how many there are in all.
fn judged_wrong(corpus: &str, weak: bool) -> (Vec<String>, usize) {
    let local = LocalWords::new(["Solkøbing", "Solkøbing Kommune", "Bakkeskolen", "Rådhuset"]);
    let lines: Vec<&str> = corpus.lines().filter(|line| !line.is_empty() && !line.starts_with("# ") && !line.starts_with("## ")).collect();
    let wrong = lines.iter().filter_map(|line| {
        let (password, old) = line.split_once('\t').map_or((*line, None), |(new, old)| (new, Some(old)));
        let judgement = judge(password, Known { attributes: &PERSON, old, local: &local, year: 2026 });
        (judgement.withstands(DEFAULT_MIN_GUESSES_LOG10) == weak).then(|| format!("{password}: {judgement:?}"))
    });
    (wrong.collect(), lines.len())
}

#[test]
fn at_least_97_of_100_weak_passwords_are_refused() {
    let (wrong, all) = judged_wrong(include_str!("../../../../tests/data/guessability/weak.txt"), true);
    assert!(all >= 400);
    assert!(wrong.len() * 100 <= all * 3, "{} of {all}: {wrong:#?}", wrong.len());
}

#[test]
fn passwords_that_were_not_known_when_it_was_written_are_refused_too() {
    let (wrong, all) = judged_wrong(include_str!("../../../../tests/data/guessability/weak-afterwards.txt"), true);
    assert!(wrong.len() * 100 <= all * 3, "{} of {all}: {wrong:#?}", wrong.len());
}

#[test]
fn at_most_one_of_200_good_passwords_is_refused() {
    let (wrong, all) = judged_wrong(include_str!("../../../../tests/data/guessability/good.txt"), false);
    assert!(all >= 200);
    assert!(wrong.len() * 200 <= all, "{} of {all}: {wrong:#?}", wrong.len());
}
