// The page's way to its kernel: it asks for all widgets, hears of each change, and sets controls. A widget is {id, state, views}: its state is
// what the kernel last said of it, in whatever order it said so, and whoever shows it is told what has changed. Nothing is shown of a widget
// before it is whole: until everything that it refers to is known, too.

const PROTOCOL = "v1.kernel.websocket.jupyter.org", CONTROL = "jupyter.widget.control", WIDGET = "jupyter.widget", REFERS = "IPY_MODEL_";
const SOONEST = 500, LATEST = 20000; // milliseconds until a lost connection is tried again
const writer = new TextEncoder(), reader = new TextDecoder();

// A message as Jupyter's websockets carry it: how many ends follow, where the first part begins and where each ends, the parts.
export function pack(...parts) {
  const pieces = parts.map(part => writer.encode(typeof part === "string" ? part : JSON.stringify(part)));
  let at = 8 * (pieces.length + 2);
  const made = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, at)), ends = new DataView(made.buffer);
  ends.setUint32(0, pieces.length + 1, true);
  ends.setUint32(8, at, true);
  pieces.forEach((piece, place) => {
    made.set(piece, at);
    at += piece.length;
    ends.setUint32(8 * (place + 2), at, true);
  });
  return made;
}

export function unpack(buffer) {
  const ends = new DataView(buffer), count = ends.getUint32(0, true), end = place => ends.getUint32(8 * (place + 1), true);
  const part = place => JSON.parse(reader.decode(new Uint8Array(buffer, end(place), end(place + 1) - end(place))));
  return count < 6 ? {} : { header: part(1), parent: part(2), content: part(4) };
}

function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");
}

// The widget that a part of a state refers to.
export function referred(text) {
  return text.slice(REFERS.length);
}

// What a widget is made of.
function parts({ layout, style, children }) {
  return [layout, style, ...children || []].filter(Boolean).map(referred);
}

export class Kernel {
  constructor(address) {
    this.address = `${address}?session_id=${this.session = random()}`;
    this.widgets = new Map();
    this.awaited = []; // [id, what to do once it is whole]
    this.queue = []; // [id, data] that the kernel has not been told yet: one message at a time, so that what is turned twice is drawn once
    this.sent = ""; // the message that it is working on, and what it says
    this.telling = null;
    this.told = false; // of all widgets, over this connection: before that it may yet say what a control was set to before
    this.pause = SOONEST;
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    if (this.ended || (this.socket && this.socket.readyState < WebSocket.CLOSING)) return;
    const socket = this.socket = new WebSocket(this.address, PROTOCOL);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.pause = SOONEST;
      const comm = random();
      this.send("comm_open", { comm_id: comm, target_name: CONTROL, data: {} }, { version: "1.0.0" });
      this.send("comm_msg", { comm_id: comm, data: { method: "request_states" } });
    };
    socket.onmessage = event => this.hear(unpack(event.data));
    socket.onclose = () => {
      if (this.sent) this.queue.unshift(this.telling); // it may not have come through; twice does no harm
      this.sent = "";
      this.told = false;
      this.timer = setTimeout(() => this.connect(), this.pause);
      this.pause = Math.min(2 * this.pause, LATEST);
    };
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.socket.close();
  }

  send(kind, content, metadata = {}) {
    const id = random();
    this.socket.send(pack("shell", { msg_id: id, msg_type: kind, session: this.session, username: "", version: "5.3", date: new Date().toISOString() },
      {}, metadata, content));
    return id;
  }

  hear({ header, parent, content }) {
    if (!header) return;
    if (header.msg_type === "status") {
      if (content.execution_state === "idle" && parent.msg_id === this.sent) {
        this.sent = "";
        this.next();
      }
    } else if (header.msg_type === "comm_open") {
      if (content.target_name === WIDGET) this.learn(content.comm_id, content.data.state);
    } else if (header.msg_type === "comm_close") this.widgets.delete(content.comm_id);
    else if (header.msg_type === "comm_msg") {
      const { method, state, states } = content.data;
      if (method === "update") this.learn(content.comm_id, state);
      else if (method === "update_states") {
        for (const [id, one] of Object.entries(states)) this.learn(id, { _model_name: one.model_name, ...one.state });
        for (const [id, one] of this.queue) if (one.state) this.learn(id, one.state);
        this.told = true;
        this.next();
      }
    }
    this.awaited = this.awaited.filter(([id, then]) => !this.whole(id) || void then());
  }

  learn(id, state) {
    if (!this.widgets.has(id)) this.widgets.set(id, { id, state: {}, views: new Set() });
    const widget = this.widgets.get(id);
    const changed = Object.keys(state).filter(name => !(name in widget.state) || JSON.stringify(state[name]) !== JSON.stringify(widget.state[name]));
    Object.assign(widget.state, state);
    if (changed.length) widget.views.forEach(view => view(changed));
  }

  whole(id) {
    const widget = this.widgets.get(id);
    return Boolean(widget && widget.state._model_name) && parts(widget.state).every(one => this.whole(one));
  }

  when(id, then) {
    if (this.whole(id)) then();
    else this.awaited.push([id, then]);
  }

  // Sets what a visitor has set. What the kernel has not begun with yet and concerns the same widget is replaced.
  set(id, state) {
    this.learn(id, state);
    const waiting = this.queue.find(([other, data]) => other === id && data.method === "update");
    if (waiting) Object.assign(waiting[1].state, state);
    else this.tell(id, { method: "update", state: { ...state }, buffer_paths: [] });
  }

  tell(id, data) {
    this.queue.push([id, data]);
    this.next();
  }

  next() {
    if (this.sent || !this.told || !this.queue.length || this.socket.readyState !== WebSocket.OPEN) return;
    const [comm_id, data] = this.telling = this.queue.shift();
    this.sent = this.send("comm_msg", { comm_id, data });
  }
}
