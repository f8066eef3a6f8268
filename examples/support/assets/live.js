// The whole client side of the example programs. Pages work without it, but do not change while they are open.
//
//   <div data-live="/path">          keeps server-sent events of /path open and carries out what they say
//   <form data-live-form>            is sent without leaving the page; the answer's events are carried out
//   <form data-live-check="/path">   is sent to /path while somebody types, half a second after the last key
//
// Understood are events `datastar-patch-elements` with `elements`, `selector` and `mode`, as Datastar defines them.
"use strict";

const CHECK_DELAY_MS = 500;
const SCROLL_SLACK_PX = 48;

function parseEvent(text) {
  const change = { mode: "outer", selector: null, elements: [] };
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    const name = space < 0 ? line : line.slice(0, space);
    const value = space < 0 ? "" : line.slice(space + 1);
    if (name === "elements") change.elements.push(value);
    else if (name === "selector" || name === "mode") change[name] = value;
  }
  return change;
}

function apply(text) {
  const { mode, selector, elements } = parseEvent(text);
  if (mode === "remove") {
    document.querySelectorAll(selector).forEach((element) => element.remove());
    return;
  }
  const template = document.createElement("template");
  template.innerHTML = elements.join("\n");
  for (const fresh of [...template.content.children]) {
    const target = selector ? document.querySelector(selector) : document.getElementById(fresh.id);
    if (target) place(target, fresh, mode);
  }
}

function place(target, fresh, mode) {
  const follows = isAtEnd(target);
  switch (mode) {
    case "outer": morph(target, fresh); break;
    case "replace": target.replaceWith(fresh); break;
    case "inner": target.replaceChildren(fresh); break;
    case "prepend": target.prepend(fresh); break;
    case "append": target.append(fresh); break;
    case "before": target.before(fresh); break;
    case "after": target.after(fresh); break;
  }
  if (follows) scrollToEnd(target);
}

// A list that shows its end goes on doing so; one that somebody scrolled back stays where it is.
function isAtEnd(target) {
  return target.matches("[data-follow]") &&
    target.scrollHeight - target.scrollTop - target.clientHeight < SCROLL_SLACK_PX;
}

function scrollToEnd(target) {
  target.scrollTop = target.scrollHeight;
}

// Changes `old` into `fresh` in place, so that focus, selection and half-typed words stay.
function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  morphAttributes(old, fresh);
  morphChildren(old, fresh);
}

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

function morphChildren(old, fresh) {
  const wanted = [...fresh.childNodes];
  wanted.forEach((child, index) => {
    const there = old.childNodes[index];
    const known = child.id && [...old.children].find((element) => element.id === child.id);
    if (known && known !== there) old.insertBefore(known, there);
    const current = old.childNodes[index];
    if (current) morph(current, child);
    else old.append(child);
  });
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
}

function openStream(element) {
  const events = new EventSource(element.dataset.live);
  const lost = document.getElementById("connection");
  events.addEventListener("datastar-patch-elements", (event) => apply(event.data));
  events.addEventListener("open", () => { lost.hidden = true; element.dataset.liveState = "open"; });
  events.addEventListener("error", () => { lost.hidden = false; element.dataset.liveState = "lost"; });
  addEventListener("pagehide", () => events.close());
}

// The answer is a page to go to, or events to carry out.
async function send(form, path, button) {
  const body = new URLSearchParams(new FormData(form, button));
  const answer = await fetch(path, { method: "POST", body, headers: { Accept: "text/event-stream" } });
  if (answer.redirected) {
    location.assign(answer.url);
    return false;
  }
  const text = await answer.text();
  if (!(answer.headers.get("Content-Type") ?? "").startsWith("text/event-stream")) {
    document.open();
    document.write(text);
    document.close();
    return false;
  }
  for (const block of text.split("\n\n")) {
    const data = block.split("\n").filter((line) => line.startsWith("data:"));
    if (data.length) apply(data.map((line) => line.slice(5).trimStart()).join("\n"));
  }
  return answer.ok;
}

async function submit(form, button) {
  if (form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  try {
    if (await send(form, button?.getAttribute("formaction") ?? form.action, button)) empty(form);
  } catch {
    document.getElementById("connection").hidden = false;
  } finally {
    form.ariaBusy = null;
  }
}

// What was sent is gone from the fields, but from those that are the same each time.
function empty(form) {
  form.querySelectorAll("input:not([type=hidden]):not([data-keep]), textarea").forEach((field) => { field.value = ""; });
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-live-form]")) return;
  event.preventDefault();
  submit(event.target, event.submitter);
});

const pendingChecks = new WeakMap();
document.addEventListener("input", ({ target }) => {
  const form = target.closest("[data-live-check]");
  if (!form) return;
  clearTimeout(pendingChecks.get(form));
  pendingChecks.set(form, setTimeout(() => send(form, form.dataset.liveCheck).catch(() => {}), CHECK_DELAY_MS));
});

document.querySelectorAll("[data-live]").forEach(openStream);
document.querySelectorAll("[data-follow]").forEach(scrollToEnd);
