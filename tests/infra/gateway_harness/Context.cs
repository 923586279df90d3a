// The `context` of policy expressions, as documented at
// https://learn.microsoft.com/azure/api-management/api-management-policy-expressions (section "Context variable"): no member more, so that
// an expression that uses another one does not compile. Every access passes Tap, which can make it throw or answer null.

using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Newtonsoft.Json.Linq;

public class InjectedFault : Exception
{
    public InjectedFault(string member) : base("injected at " + member) { }
}

public static class Tap
{
    public static string FaultMember;
    public static int FaultIndex;
    public static bool FaultIsNull;
    public static int Count;
    public static readonly HashSet<string> Seen = new HashSet<string>();
    public static readonly List<string> Reads = new List<string>();

    public static void Reset(string member, int index, bool isNull)
    {
        FaultMember = member;
        FaultIndex = index;
        FaultIsNull = isNull;
        Count = 0;
        Reads.Clear();
    }

    public static T Get<T>(string member, T value)
    {
        Count++;
        Seen.Add(member);
        if (member != FaultMember && Count != FaultIndex) return value;
        if (FaultIsNull) return default(T);
        throw new InjectedFault(member);
    }
}

public class TappedMap<T> : IReadOnlyDictionary<string, T>
{
    readonly string name;
    public readonly Dictionary<string, T> Items;

    public TappedMap(string name, IEqualityComparer<string> comparer)
    {
        this.name = name;
        Items = new Dictionary<string, T>(comparer);
    }

    public T this[string key] { get { return Tap.Get(name + "[]", Items[key]); } }
    public IEnumerable<string> Keys { get { return Tap.Get(name + ".Keys", (IEnumerable<string>)Items.Keys); } }
    public IEnumerable<T> Values { get { return Tap.Get(name + ".Values", (IEnumerable<T>)Items.Values); } }
    public int Count { get { return Tap.Get(name + ".Count", Items.Count); } }
    public bool ContainsKey(string key) { return Tap.Get(name + ".ContainsKey", Items.ContainsKey(key)); }

    public bool TryGetValue(string key, out T value)
    {
        var found = Items.TryGetValue(key, out value);
        return Tap.Get(name + ".TryGetValue", found);
    }

    public IEnumerator<KeyValuePair<string, T>> GetEnumerator()
    {
        return Tap.Get(name + ".GetEnumerator", (IEnumerator<KeyValuePair<string, T>>)Items.ToList().GetEnumerator());
    }

    IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
}

public class Url
{
    internal string host, path, queryString, scheme;
    internal TappedMap<string[]> query = new TappedMap<string[]>("Url.Query", StringComparer.OrdinalIgnoreCase);
    public string Host { get { return Tap.Get("Url.Host", host); } }
    public string Path { get { return Tap.Get("Url.Path", path); } }
    public int Port { get { return Tap.Get("Url.Port", 443); } }
    public IReadOnlyDictionary<string, string[]> Query { get { return Tap.Get("Url.Query", (IReadOnlyDictionary<string, string[]>)query); } }
    public string QueryString { get { return Tap.Get("Url.QueryString", queryString); } }
    public string Scheme { get { return Tap.Get("Url.Scheme", scheme); } }
}

public class MessageBody
{
    internal string where, text;
    public T As<T>(bool preserveContent = false)
    {
        if (typeof(T) != typeof(string)) throw new InvalidOperationException("the harness reads bodies as string only");
        Tap.Reads.Add(where + (preserveContent ? "" : " consumed"));
        return Tap.Get(where + ".Body.As", (T)(object)text);
    }
}

public class Api
{
    internal string id, revision;
    public string Id { get { return Tap.Get("Api.Id", id); } }
    public bool IsCurrentRevision { get { return Tap.Get("Api.IsCurrentRevision", true); } }
    public string Name { get { return Tap.Get("Api.Name", id); } }
    public string Path { get { return Tap.Get("Api.Path", id); } }
    public string Revision { get { return Tap.Get("Api.Revision", revision); } }
    public string Version { get { return Tap.Get("Api.Version", (string)null); } }
}

public class Operation
{
    internal string id, method, urlTemplate;
    public string Id { get { return Tap.Get("Operation.Id", id); } }
    public string Method { get { return Tap.Get("Operation.Method", method); } }
    public string Name { get { return Tap.Get("Operation.Name", id); } }
    public string UrlTemplate { get { return Tap.Get("Operation.UrlTemplate", urlTemplate); } }
}

public class Deployment
{
    internal string gatewayId, region, serviceName;
    public string GatewayId { get { return Tap.Get("Deployment.GatewayId", gatewayId); } }
    public string Region { get { return Tap.Get("Deployment.Region", region); } }
    public string ServiceName { get { return Tap.Get("Deployment.ServiceName", serviceName); } }
}

public class LastError
{
    internal string source, reason, message, policyId;
    public string Source { get { return Tap.Get("LastError.Source", source); } }
    public string Reason { get { return Tap.Get("LastError.Reason", reason); } }
    public string Message { get { return Tap.Get("LastError.Message", message); } }
    public string Scope { get { return Tap.Get("LastError.Scope", (string)null); } }
    public string Section { get { return Tap.Get("LastError.Section", (string)null); } }
    public string Path { get { return Tap.Get("LastError.Path", (string)null); } }
    public string PolicyId { get { return Tap.Get("LastError.PolicyId", policyId); } }
}

public class Product
{
    internal string id;
    public string Id { get { return Tap.Get("Product.Id", id); } }
    public string Name { get { return Tap.Get("Product.Name", id); } }
}

public class Subscription
{
    internal string id, key;
    public string Id { get { return Tap.Get("Subscription.Id", id); } }
    public string Key { get { return Tap.Get("Subscription.Key", key); } }
    public string Name { get { return Tap.Get("Subscription.Name", id); } }
    public string PrimaryKey { get { return Tap.Get("Subscription.PrimaryKey", key); } }
    public string SecondaryKey { get { return Tap.Get("Subscription.SecondaryKey", key); } }
}

public class User
{
    internal string id;
    public string Id { get { return Tap.Get("User.Id", id); } }
    public string Email { get { return Tap.Get("User.Email", id + "@example.com"); } }
    public string FirstName { get { return Tap.Get("User.FirstName", id); } }
    public string LastName { get { return Tap.Get("User.LastName", id); } }
}

public class Request
{
    internal MessageBody body;
    internal X509Certificate2 certificate;
    internal TappedMap<string[]> headers = new TappedMap<string[]>("Request.Headers", StringComparer.OrdinalIgnoreCase);
    internal TappedMap<string> matchedParameters = new TappedMap<string>("Request.MatchedParameters", StringComparer.OrdinalIgnoreCase);
    internal string ipAddress, method;
    internal Url originalUrl;
    public MessageBody Body { get { return Tap.Get("Request.Body", body); } }
    public X509Certificate2 Certificate { get { return Tap.Get("Request.Certificate", certificate); } }
    public IReadOnlyDictionary<string, string[]> Headers { get { return Tap.Get("Request.Headers", (IReadOnlyDictionary<string, string[]>)headers); } }
    public string IpAddress { get { return Tap.Get("Request.IpAddress", ipAddress); } }
    public IReadOnlyDictionary<string, string> MatchedParameters { get { return Tap.Get("Request.MatchedParameters", (IReadOnlyDictionary<string, string>)matchedParameters); } }
    public string Method { get { return Tap.Get("Request.Method", method); } }
    public Url OriginalUrl { get { return Tap.Get("Request.OriginalUrl", originalUrl); } }
    public Url Url { get { return Tap.Get("Request.Url", originalUrl); } }
}

public class Response
{
    internal MessageBody body;
    internal TappedMap<string[]> headers = new TappedMap<string[]>("Response.Headers", StringComparer.OrdinalIgnoreCase);
    internal int statusCode;
    public MessageBody Body { get { return Tap.Get("Response.Body", body); } }
    public IReadOnlyDictionary<string, string[]> Headers { get { return Tap.Get("Response.Headers", (IReadOnlyDictionary<string, string[]>)headers); } }
    public int StatusCode { get { return Tap.Get("Response.StatusCode", statusCode); } }
    public string StatusReason { get { return Tap.Get("Response.StatusReason", ""); } }
}

public class ProxyContext
{
    internal Api api;
    internal Deployment deployment;
    internal TimeSpan elapsed;
    internal LastError lastError;
    internal Operation operation;
    internal Product product;
    internal Request request;
    internal Guid requestId;
    internal Response response;
    internal Subscription subscription;
    internal DateTime timestamp;
    internal User user;
    internal TappedMap<object> variables = new TappedMap<object>("Variables", StringComparer.OrdinalIgnoreCase);
    public Api Api { get { return Tap.Get("Api", api); } }
    public Deployment Deployment { get { return Tap.Get("Deployment", deployment); } }
    public TimeSpan Elapsed { get { return Tap.Get("Elapsed", elapsed); } }
    public LastError LastError { get { return Tap.Get("LastError", lastError); } }
    public Operation Operation { get { return Tap.Get("Operation", operation); } }
    public Product Product { get { return Tap.Get("Product", product); } }
    public Request Request { get { return Tap.Get("Request", request); } }
    public Guid RequestId { get { return Tap.Get("RequestId", requestId); } }
    public Response Response { get { return Tap.Get("Response", response); } }
    public Subscription Subscription { get { return Tap.Get("Subscription", subscription); } }
    public DateTime Timestamp { get { return Tap.Get("Timestamp", timestamp); } }
    public bool Tracing { get { return Tap.Get("Tracing", false); } }
    public User User { get { return Tap.Get("User", user); } }
    public IReadOnlyDictionary<string, object> Variables { get { return Tap.Get("Variables", (IReadOnlyDictionary<string, object>)variables); } }
}

public class Jwt
{
    internal TappedMap<string[]> claims = new TappedMap<string[]>("Jwt.Claims", StringComparer.Ordinal);
    public IReadOnlyDictionary<string, string[]> Claims { get { return Tap.Get("Jwt.Claims", (IReadOnlyDictionary<string, string[]>)claims); } }
    public string Subject { get { return Tap.Get("Jwt.Subject", claims.Items.ContainsKey("sub") ? claims.Items["sub"][0] : null); } }
}

// In no namespace, so that expressions find them without a using.
public static class ContextExtensions
{
    public static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> map, string name, string fallback)
    {
        string[] values;
        return map.TryGetValue(name, out values) ? string.Join(",", values) : fallback;
    }

    public static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> map, string name, T fallback)
    {
        object value;
        return map.TryGetValue(name, out value) ? (T)value : fallback;
    }

    public static bool TryParseJwt(this string input, out Jwt result)
    {
        result = null;
        try
        {
            var parts = input.Split('.');
            if (parts.Length != 3) return Tap.Get("TryParseJwt", false);
            JObject.Parse(Decode(parts[0]));
            var jwt = new Jwt();
            foreach (var claim in JObject.Parse(Decode(parts[1])).Properties())
            {
                var many = claim.Value as JArray;
                jwt.claims.Items[claim.Name] = many == null ? new[] { claim.Value.ToString() } : many.Select(v => v.ToString()).ToArray();
            }
            result = Tap.Get("Jwt", jwt);
            return Tap.Get("TryParseJwt", true);
        }
        catch (InjectedFault) { throw; }
        catch (Exception) { return Tap.Get("TryParseJwt", false); }
    }

    static string Decode(string part)
    {
        var plain = part.Replace('-', '+').Replace('_', '/');
        return Encoding.UTF8.GetString(Convert.FromBase64String(plain.PadRight((plain.Length + 3) / 4 * 4, '=')));
    }
}
