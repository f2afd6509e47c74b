// A list of traces as links. Text comes from strangers and reaches the page by textContent alone.

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Letters that turn the direction of what follows are shown by their number instead of being obeyed.
const shown = (text) =>
  text.replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g, (c) => `[U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);

function pieces(className, parts) {
  const line = element("span", className);
  line.dir = "auto";
  for (const [raw, matched] of parts) {
    const text = shown(raw);
    line.append(matched ? element("mark", "", text) : document.createTextNode(text));
  }
  return line;
}

function row(item, open) {
  const link = element("a", "hit");
  link.href = item.href;
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(item.id);
  });
  const place = element("span", "place");
  place.append(element("span", "checkpoint", item.checkpoint));
  for (const where of item.place) place.append(element("span", "where", where));
  for (const note of item.notes) place.append(element("span", "state", note));
  const said = element("span", "said");
  said.append(pieces("excerpt", item.excerpt));
  if (item.patterns.length) {
    const chips = element("span", "chips");
    for (const [name, colour, dotted] of item.patterns) {
      const chip = element("span", dotted ? "chip dotted" : "chip");
      chip.style.setProperty("--mark", colour);
      chip.append(element("span", "swatch"), document.createTextNode(name));
      chips.append(chip);
    }
    said.append(chips);
  }
  link.append(place, said, pieces("answer", item.answer));
  const entry = element("li");
  entry.append(link);
  return entry;
}

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let list = parentElement.querySelector("ol");
  if (!list) {
    list = element("ol");
    list.addEventListener("keydown", (event) => {
      const links = [...list.querySelectorAll("a")];
      const at = links.indexOf(event.target);
      const to = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1 }[event.key];
      if (at < 0 || to === undefined || !links[to]) return;
      links[to].focus();
      event.preventDefault();
    });
    parentElement.append(list);
  }
  list.setAttribute("aria-label", data.label);
  list.className = data.label.toLowerCase();
  list.replaceChildren(...data.rows.map((item) => row(item, (id) => setTriggerValue("open", id))));
}
