// Ticks off the rules while a new password is typed, shows a password on request, searches while somebody types, and moves the focus to what went wrong.
// Everything works without it; the server judges by the same rules (src/model/policy), and a test holds the two against each other
// (src/http/script_agrees.rs).
"use strict";
(() => {
  const standsFor = { "0": "o", "1": "il", "!": "il", "|": "il", "3": "e", "€": "e", "4": "a", "@": "a", "5": "s", "$": "s", "7": "t", "8": "b" };
  const danish = { "æ": "ae", "ä": "ae", "ø": "oe", "ö": "oe", "å": "aa", "ü": "u", "ß": "ss" };
  const short = { "æ": "a", "å": "a", "ø": "o" };

  // One by one: a browser would write the Greek sigma at a word's end in another way.
  const lower = (text) => Array.from(text, (c) => c.toLowerCase()).join("");

  // Keep in step with src/model/password_policy/fold.rs: letters without case and accents, and where a word begins.
  function glyphs(text) {
    const out = [];
    let before = "";
    for (const c of text.normalize("NFKC")) {
      if (/\p{M}/u.test(c)) continue;
      let begins = !/\p{Alphabetic}/u.test(before) || (/\p{Lowercase}/u.test(before) && /\p{Uppercase}/u.test(c));
      before = c;
      for (const l of c.toLowerCase()) {
        const bases = danish[l] || Array.from(l.normalize("NFD").replace(/\p{M}/gu, ""), (d) => danish[d] || d).join("");
        for (const b of bases) {
          out.push({ c: b, begins });
          begins = false;
        }
      }
    }
    return out;
  }

  const isDigit = (glyph) => glyph !== undefined && /[0-9]/.test(glyph.c);

  // Does the number that a digit belongs to begin and end within the range?
  function wholeNumberWithin(password, digit, from, to) {
    let start = digit, end = digit;
    while (isDigit(password[start - 1])) start--;
    while (isDigit(password[end])) end++;
    return start >= from && end <= to;
  }

  function isAt(password, at, word, isName) {
    const end = at + word.length;
    if (end > password.length) return false;
    let digits = 0, exchanged = 0, swapped = false;
    for (let i = 0; i < word.length; i++) {
      const c = password[at + i].c;
      if (c === word[i]) continue;
      if ((standsFor[c] || "").includes(word[i])) {
        if (/[0-9]/.test(c)) {
          if (!wholeNumberWithin(password, at + i, at, end)) return false;
          digits++;
        }
      } else if ((c === "l" && word[i] === "i") || (c === "i" && word[i] === "l")) swapped = true;
      else return false;
      exchanged++;
    }
    const begins = password[at].begins;
    return digits * 2 <= word.length && (!swapped || word.length > 4) && (exchanged === 0 || word.length > 4 || begins) && (!isName || word.length > 3 || begins);
  }

  function holds(password, name) {
    const shortened = Array.from(lower(name.normalize("NFC")), (c) => short[c] || c).join("");
    const within = glyphs(password);
    return [name, shortened].some((spelling) => {
      const word = glyphs(spelling).map((glyph) => glyph.c);
      return word.length >= 3 && within.some((_, at) => isAt(within, at, word, true));
    });
  }

  function kinds(password) {
    const found = new Set();
    for (const c of password) {
      if (/\p{Uppercase}/u.test(c)) found.add("upper");
      else if (/\p{Lowercase}/u.test(c)) found.add("lower");
      else if (/[0-9]/.test(c)) found.add("digit");
      else if (/\p{L}/u.test(c)) found.add("letter");
      else if (/[!-\/:-@[-`{-~]/.test(c)) found.add("symbol");
    }
    return found.size;
  }

  const judges = {
    min_length: (p, v) => Array.from(p).length >= Number(v),
    max_length: (p, v) => Array.from(p).length <= Number(v),
    complexity: (p) => kinds(p) >= 3,
    letters: (p) => /\p{Alphabetic}/u.test(p),
    upper_and_lower: (p) => /\p{Uppercase}/u.test(p) && /\p{Lowercase}/u.test(p),
    digits: (p) => /[0-9]/.test(p),
    special: (p) => Array.from(p).some((c) => !/[\p{Alphabetic}\p{N}\p{White_Space}\p{Cc}]/u.test(c)),
    // However spelled, and as AD looks for it: letter by letter.
    no_names: (p, v) => {
      const [ours, exact] = v.split("\n\n").map((names) => names.split("\n").filter(Boolean));
      return !ours.some((name) => holds(p, name)) && !exact.some((name) => lower(p).includes(lower(name)));
    },
    allowed: (p, v) => Array.from(p).every((c) => Array.from(v).includes(c)),
  };

  // Rules without a judge (history, age, forbidden words) keep their neutral mark: only the server or AD can tell.
  function tick(list, input, told) {
    const items = Array.from(list.querySelectorAll("li[data-rule]"));
    const tell = () => {
      const judged = items.filter((item) => judges[item.dataset.rule]);
      const met = judged.filter((item) => item.classList.contains("met")).length;
      told.textContent = input.value === "" ? "" : told.dataset.text.replace("%met", met).replace("%all", judged.length);
    };
    let pause;
    const show = () => {
      clearTimeout(pause);
      pause = setTimeout(tell, 1000); // a screen reader would be interrupted by every letter
      for (const item of items) {
        const judge = judges[item.dataset.rule];
        if (!judge) continue;
        const state = input.value === "" ? "" : judge(input.value, item.dataset.value || "") ? "met" : "unmet";
        item.classList.toggle("met", state === "met");
        item.classList.toggle("unmet", state === "unmet");
        const text = state === "" ? "" : " – " + list.dataset[state];
        const word = item.querySelector("[data-state]");
        if (word.textContent !== text) word.textContent = text;
      }
    };
    input.addEventListener("input", show);
    show();
  }

  function showable(input) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-secondary show-password";
    button.setAttribute("aria-controls", input.id);
    const label = (shown) => {
      button.textContent = shown ? input.dataset.hide : input.dataset.show;
      button.setAttribute("aria-label", button.textContent + ": " + input.labels[0].textContent.trim());
    };
    button.addEventListener("click", () => {
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      label(shown);
    });
    input.form.addEventListener("submit", () => { input.type = "password"; });
    label(false);
    input.after(button);
  }

  // Tells beside the field that Caps Lock is on, once a key has been pressed in it. No browser tells before.
  function capsLock(input) {
    const told = document.createElement("p");
    told.className = "form-hint caps-lock";
    told.setAttribute("role", "status");
    input.parentElement.after(told);
    const look = (event) => {
      if (!event.getModifierState) return; // what a password manager fills in
      // At the key itself, browsers differ in whether its state is already the new one.
      const on = event.getModifierState("CapsLock") && !(event.type === "keydown" && event.key === "CapsLock");
      const text = on ? document.body.dataset.caps : "";
      if (told.textContent !== text) told.textContent = text;
    };
    input.addEventListener("keydown", look);
    input.addEventListener("keyup", look);
    input.addEventListener("blur", () => { told.textContent = ""; });
  }

  // Tells beside the repeat that it differs: as soon as it can't become the same, and when the field is left. The form is then not sent.
  function repeats(input, other) {
    const told = document.createElement("p");
    told.className = "form-error-message";
    told.setAttribute("role", "status");
    input.parentElement.after(told);
    const tell = (differs) => {
      const text = differs ? document.body.dataset.repeat : "";
      if (told.textContent !== text) told.textContent = text;
    };
    const differs = () => input.value !== "" && input.value !== other.value;
    input.addEventListener("input", () => tell(differs() && !other.value.startsWith(input.value)));
    other.addEventListener("input", () => { if (told.textContent !== "") tell(differs()); });
    input.addEventListener("change", () => tell(differs()));
    input.form.addEventListener("submit", (event) => {
      if (!differs()) return;
      event.preventDefault();
      tell(true);
      input.focus();
    });
  }

  // The rules in the words of browsers that make passwords (https://developer.apple.com/password-rules).
  function passwordRules(list) {
    const value = (rule) => list.querySelector(`li[data-rule="${rule}"]`)?.dataset.value;
    const has = (rule) => list.querySelector(`li[data-rule="${rule}"]`) !== null;
    const rules = [];
    if (has("min_length")) rules.push(`minlength: ${value("min_length")}`);
    if (has("max_length")) rules.push(`maxlength: ${value("max_length")}`);
    if (has("upper_and_lower") || has("complexity")) rules.push("required: upper", "required: lower");
    else if (has("letters")) rules.push("required: lower");
    if (has("digits") || has("complexity")) rules.push("required: digit");
    if (has("special")) rules.push("required: [-!#]");
    return rules.join("; ");
  }

  // Searches while somebody types. By form, as the button does: no name gets into an address.
  function searching(input) {
    let pause;
    let latest = 0;
    const results = document.getElementById("results");
    const search = async (number) => {
      const body = new URLSearchParams(new FormData(input.form));
      const sent = await fetch(input.form.action, { method: "POST", body, redirect: "error", signal: AbortSignal.timeout(10000) });
      const page = new DOMParser().parseFromString(await sent.text(), "text/html");
      if (!sent.ok || number !== latest) return; // the button says what is wrong
      for (const id of input.dataset.search.split(" ")) {
        const fresh = page.getElementById(id);
        if (fresh) document.getElementById(id).replaceChildren(...fresh.childNodes);
      }
    };
    input.addEventListener("input", () => {
      clearTimeout(pause);
      const number = ++latest; // whatever is still under way is over
      results.ariaBusy = "true";
      const done = () => { if (number === latest) results.ariaBusy = "false"; };
      pause = setTimeout(() => { if (input.value.trim().length !== 1) search(number).catch(() => {}).then(done); else done(); }, 400);
    });
  }

  for (const input of document.querySelectorAll("input[data-show]")) { showable(input); capsLock(input); }
  const list = document.getElementById("rules");
  const typed = document.getElementById("new");
  const told = document.getElementById("rules-told");
  if (list && typed && told) tick(list, typed, told);
  const repeat = document.getElementById("repeat");
  if (typed && repeat) repeats(repeat, typed);
  if (list && typed) typed.setAttribute("passwordrules", passwordRules(list));
  const summary = document.getElementById("error-summary");
  if (summary) summary.focus();
  for (const place of document.querySelectorAll("[data-print]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-secondary";
    button.textContent = place.dataset.print;
    button.addEventListener("click", () => window.print());
    place.append(button);
  }
  for (const form of document.querySelectorAll("form[data-send]")) form.submit(); // a signed message on its way to a provider
  // The button of a form that is under way tells so, until the next page is there or a visitor who stopped it may try again.
  const ready = (form) => {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button[data-label]")) {
      button.textContent = button.dataset.label;
      delete button.dataset.label;
    }
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.matches("form[data-once]")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    const button = event.submitter;
    if (button) {
      button.dataset.label = button.textContent;
      button.textContent = document.body.dataset.sending;
    }
    setTimeout(ready, 5000, form);
  });
  for (const input of document.querySelectorAll("input[data-search]")) searching(input);
  window.addEventListener("pageshow", () => { for (const form of document.querySelectorAll("form[data-once]")) ready(form); });
})();
