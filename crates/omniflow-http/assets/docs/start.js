// Shows the server's own document. validatorUrl would be a request to another host.
window.onload = () => {
  window.reader = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#reader",
    deepLinking: true,
    validatorUrl: null,
    tryItOutEnabled: true,
  });
};
