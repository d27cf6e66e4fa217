// Elements as a function of state: h() describes them, render() changes only what differs.
//
// Text is only ever set as text; styles through the object model, as the page's policy allows no style attribute.

const DESCRIBED = Symbol("described");
const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "open", "disabled", "hidden", "selected"]);

// One element: h("p", {class: "note"}, "text", h("b", null, "bold")); null, false and undefined children are left out.
export function h(tag, attributes, ...children) {
  return { tag, attributes: attributes ?? {}, children: children.flat(3).filter(shown).map(described) };
}

const shown = (child) => child !== null && child !== undefined && child !== false && child !== true;

const described = (child) => (typeof child === "object" ? child : { text: String(child) });

// Make the container's children be these.
export function render(container, ...children) {
  renderChildren(container, children.flat(3).filter(shown).map(described), container.namespaceURI);
}

function renderChildren(parent, wanted, namespace) {
  const keyed = new Map();
  for (const node of parent.childNodes) {
    const key = node[DESCRIBED]?.attributes?.key;
    if (key !== undefined) keyed.set(key, node);
  }
  let next = parent.firstChild;
  for (const description of wanted) {
    const key = description.attributes?.key;
    let node = key === undefined ? next : keyed.get(key);
    if (!node || !alike(node[DESCRIBED], description)) node = created(description, namespace);
    else renderNode(node, description, namespace);
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
  }
  while (next) {
    const after = next.nextSibling;
    next.remove();
    next = after;
  }
}

const alike = (before, after) =>
  before !== undefined && before.tag === after.tag && before.attributes?.key === after.attributes?.key;

function created(description, namespace) {
  if (description.text !== undefined) {
    const node = document.createTextNode(description.text);
    node[DESCRIBED] = description;
    return node;
  }
  const own = description.tag === "svg" ? SVG : namespace;
  const node = document.createElementNS(own, description.tag);
  node[DESCRIBED] = { tag: description.tag, attributes: { key: description.attributes.key }, children: [] };
  renderNode(node, description, own);
  return node;
}

function renderNode(node, description, namespace) {
  const before = node[DESCRIBED];
  if (before === description) return;
  if (description.text !== undefined) {
    if (before.text !== description.text) node.data = description.text;
  } else {
    setAttributes(node, before.attributes, description.attributes);
    if (!description.attributes.own) renderChildren(node, description.children, node.namespaceURI ?? namespace);
    if (before.attributes.placed === undefined) description.attributes.made?.(node);
  }
  node[DESCRIBED] = description;
  if (description.attributes) description.attributes.placed = true;
}

const RESERVED = new Set(["key", "own", "made", "placed"]);

function setAttributes(node, before, after) {
  for (const name of Object.keys(before)) if (!(name in after)) setAttribute(node, name, null, before[name]);
  for (const [name, value] of Object.entries(after)) {
    const live = name === "value" || name === "checked" || name === "style";
    if (live || before[name] !== value) setAttribute(node, name, value, before[name]);
  }
}

function setAttribute(node, name, value, before) {
  if (RESERVED.has(name)) return;
  if (name === "style") setStyle(node, value ?? {}, before ?? {});
  else if (name.startsWith("on")) node[name] = value;
  else if (PROPERTIES.has(name) && !(name === "value" && node.localName === "option")) {
    if (node[name] !== (value ?? false)) node[name] = value ?? false;
  } else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}

function setStyle(node, style, before) {
  for (const name of Object.keys(before)) if (!(name in style)) node.style.removeProperty(name);
  for (const [name, value] of Object.entries(style)) if (before[name] !== value) node.style.setProperty(name, value);
}
