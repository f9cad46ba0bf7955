/* Browsers start no worker from a file. The search of this site runs in one, so from a file it runs in a hidden frame. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.onmessage = null;
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      window.addEventListener("message", (event) => {
        if (event.source !== this.frame.contentWindow) return;
        const copy = new MessageEvent("message", { data: event.data });
        this.dispatchEvent(copy);
        if (this.onmessage) this.onmessage(copy);
      });
      // in the frame, `postMessage` answers the page, and `importScripts` loads one script after another
      this.frame.srcdoc =
        "<script>" +
        "const toPage = parent.postMessage.bind(parent);" +
        "window.postMessage = (data) => toPage(data, '*');" +
        "window.importScripts = (...urls) => urls.reduce((done, url) => done.then(() => new Promise((loaded, failed) => {" +
        "const script = document.createElement('script');" +
        "script.src = url; script.onload = loaded; script.onerror = failed; document.body.append(script);" +
        "})), Promise.resolve());" +
        "</scr" + "ipt><body><script src='" + new URL(url, location.href) + "'></scr" + "ipt></body>";
      this.frame.addEventListener("load", () => {
        this.ready = true;
        this.waiting.splice(0).forEach((data) => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })));
      });
      document.documentElement.append(this.frame);
    }
    postMessage(data) {
      if (this.ready) this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
      else this.waiting.push(data);
    }
    terminate() {
      this.frame.remove();
    }
  };
}
