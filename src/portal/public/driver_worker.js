/** Opens the driver's page where there is no network: newest from the network, else the copy that was kept. The API is never answered from here. */

const KEPT = "doorstep-driver";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  const { origin, pathname } = new URL(url);
  const page = pathname === "/driver" || pathname === "/driver/manifest";
  if (method === "GET" && origin === self.location.origin && (page || pathname.startsWith("/static/pages/"))) {
    event.respondWith(answer(event.request));
  }
});

async function answer(request) {
  const kept = await caches.open(KEPT);
  try {
    const fresh = await fetch(request);
    if (fresh.ok) {
      await kept.put(request, fresh.clone());
    }
    return fresh;
  } catch (error) {
    const copy = await kept.match(request, { ignoreVary: true });
    if (copy === undefined) {
      throw error;
    }
    return copy;
  }
}
