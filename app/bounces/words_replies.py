"""Words by which a message is known for what it is: bounce, warning of a delay, automatic reply, challenge, notice.

How phrases are written: app/bounces/phrases.py.
"""

from app.bounces.phrases import phrases

BOUNCE_SUBJECTS = phrases(
    """
    undeliver%
    undelivered
    non deliver%
    nondeliver%
    ndn
    ndr
    not deliver%
    anomalia messaggio
    not member article
    non member
    ウイルス検出
    ウイルスを検出
    ウィルス検出
    ウイルスが検出
    ウィルスが検出
    受信拒否
    ne peut etre delivre
    not be delivered
    undeliverable
    returned mail
    returned message
    return to sender
    returned to sender
    mail returned
    message returned
    delivery status notification
    delivery status notice
    delivery status report
    delivery notification
    delivery notice
    delivery failure
    delivery failed
    delivery failures
    delivery error
    delivery problem
    delivery problems
    delivery report
    delivery has failed
    delivery unsuccessful
    delivery attempt
    delivery incomplete
    delivery fail%
    failed delivery
    failed mail
    failed message
    failure notice
    failure delivery
    failure notification
    failure report
    failure of delivery
    mail failure
    mail delivery
    mail error
    mail system error
    mail could not
    mail undeliverable
    message undeliverable
    message delivery
    message failure
    message status
    message could not
    message not delivered
    email delivery
    email not delivered
    e mail delivery
    e mail not delivered
    error sending
    error delivering
    error mail
    unable to deliver
    could not deliver
    couldn t be delivered
    could not be delivered
    cannot be delivered
    wasn t delivered
    was not delivered
    address not found
    user unknown
    unknown user
    invalid address
    rejected mail
    mail rejected
    message rejected
    message blocked
    message you sent
    blocked by our
    message held
    bounced mail
    bounce
    nachricht nicht zugestellt
    nicht zustellbar
    unzustellbar
    unzustellbarkeit%
    zustellung
    zustellfehler
    ubermittlungsfehler
    fehlgeschlagen
    nicht zugestellt
    mail nicht ausgeliefert
    non remis
    non distribu%
    non delivr%
    message non
    echec
    echec de la remise
    avis de non remise
    rapport de non remise
    rapport de non
    retour a l expediteur
    no se puede entregar
    no se pudo entregar
    no se ha podido entregar
    no entregado
    no entregable
    devuelto
    devolucion
    error de entrega
    fallo de entrega
    fallo en la entrega
    fallo en el envio
    aviso de no entrega
    nao entregue
    nao foi entregue
    nao pode ser entregue
    nao e possivel entregar
    nao foi possivel entregar
    falha na entrega
    falha de entrega
    falha no envio
    falha ao entregar
    devolvida
    devolvido
    erro na entrega
    mancata consegna
    mancato recapito
    non recapitabile
    non consegnat%
    impossibile recapitare
    impossibile consegnare
    recapito non riuscito
    errore di consegna
    notifica sullo stato
    avviso di mancato
    onbestelbaar
    niet bezorgd
    niet afgeleverd
    kan niet worden bezorgd
    bezorging
    retourmail
    gick inte att leverera
    kunde inte levereras
    olevererbart
    olevererat
    leverans
    kunne ikke leveres
    uleverbar%
    ikke leveret
    ikke levert
    leveringsfejl
    leveringsfeil
    ei voitu toimittaa
    ei toimitettu
    toimitus
    toimittamaton
    nie dostarczono
    niedostarczon%
    nie mozna dostarczyc
    niedoreczon%
    zwrot
    nelze dorucit
    nedorucen%
    nedorucitelna
    nebylo doruceno
    nedoruceno
    kezbesithetetlen
    nem kezbesitheto
    sikertelen kezbesites
    nelivrat
    nu a fost livrat
    imposibil de livrat
    neisporuceno
    nije isporucen%
    teslim edilemedi
    iletilemedi
    ulastirilamadi
    αδυναμια παραδοσης
    δεν ηταν δυνατη η παραδοση
    μη παραδοτεο
    недоставлен%
    не доставлено
    не доставлен
    невозможно доставить
    не удалось доставить
    не может быть доставлено
    ошибка доставки
    сбой доставки
    отказ в доставке
    уведомление о доставке
    не може да бъде доставено
    недоставено
    配信不能
    配信できません
    配信エラー
    配信に失敗
    配信失敗
    配送エラー
    配送失敗
    配送できません
    未配信
    送信エラー
    エラーメール
    宛先不明
    メール不達
    不達
    退信
    系统退信
    系統退信
    邮件退回
    無法傳遞
    无法投递
    无法传递
    未能送达
    未传递
    傳遞失敗
    投递失败
    发送失败
    寄送失敗
    传递失败
    반송
    배달되지 않음
    배달 실패
    전송 실패
    발송 실패
    배달할 수 없
    전달되지 않
    khong the gui
    khong gui duoc
    tidak terkirim
    gagal terkirim
    ไม่สามารถส่ง
    תעודת אי מסירה
    לא נמסר
    غير قابل للتسليم
    تعذر التسليم
    فشل التسليم
    تحویل داده نشد
    """
)

# At the start of what a mail system writes.
BOUNCE_OPENINGS = phrases(
    """
    this is the qmail send program
    this message was created automatically by mail delivery software
    this message was created automatically by the mail system
    this message was created automatically by the smtp relay
    message that you sent could not be delivered
    message you sent could not be delivered
    message that you sent has not yet been delivered
    you are not a member of this mailing list
    you are not allowed to post to this
    your message for * list * rejected
    votre message pour la liste
    ウイルスが検出され
    ウィルスが検出され
    受信を拒否しました
    non e stato consegnato
    this is the mail system at host
    this is the postfix program
    this is the mail delivery agent
    this is a permanent error
    the following addresses had permanent
    the following addresses had transient
    the following addresses had delivery
    the following recipients
    the following recipient
    the following address
    the following addresses
    transcript of session follows
    original message was received at
    could not be delivered to
    was not delivered to
    not be delivered to the following
    did not reach the following recipient
    delivery has failed
    delivery to the following
    delivery to these recipients
    delivery failed
    your message was not delivered
    your message could not be delivered
    your message cannot be delivered
    your message couldn t be delivered
    your message wasn t delivered
    your mail could not be delivered
    your email could not be delivered
    your mail to the following recipients
    your message to the following recipients
    your message to * couldn t be delivered
    your message to * was not delivered
    your message to * could not be delivered
    has not been delivered
    unable to deliver
    unable to be delivered
    was undeliverable
    is undeliverable
    undeliverable to
    undeliverable message
    undelivered message
    undelivered mail
    message is being returned
    returned to you
    mail delivery failed
    automatically generated delivery status notification
    delivery status notification
    this report relates to a message you sent
    this is a delivery failure
    delivery failure
    there was an error delivering
    an error occurred while sending
    an error was detected
    error occurred while trying to deliver
    we were unable to deliver
    we are unable to deliver
    we could not deliver
    i m afraid i wasn t able to deliver
    i was unable to deliver
    i wasn t able to deliver
    failed to deliver
    failed recipient
    failed addresses
    failed address
    cannot deliver
    could not deliver
    couldn t deliver
    this is an automatically generated message * delivery
    konnte nicht zugestellt werden
    konnte nicht ubermittelt werden
    konnte nicht ausgeliefert werden
    zustellung an die folgenden
    zustellung an folgende
    fehler bei der zustellung
    nicht zugestellt werden
    kann nicht zugestellt werden
    n a pas pu etre
    n a pu etre
    n ont pas pu etre
    echec de la remise
    n a pas ete remis
    n a pas ete distribue
    no se pudo entregar
    no se ha podido entregar
    no pudo ser entregado
    no ha podido ser entregado
    no se puede entregar
    no se ha entregado
    nao pode ser entregue
    nao foi possivel entregar
    nao foi entregue
    nao pudemos entregar
    falha na entrega
    non e stato possibile
    non e stato recapitato
    non e stata recapitata
    impossibile recapitare
    impossibile consegnare
    recapito non riuscito
    kon niet worden
    kan niet worden bezorgd
    niet worden afgeleverd
    bezorging is mislukt
    kunde inte levereras
    kunne ikke leveres
    ei voitu toimittaa
    ei voida toimittaa
    nie mogla zostac dostarczona
    nie mozna bylo dostarczyc
    nie zostala dostarczona
    nie udalo sie dostarczyc
    nebylo mozne dorucit
    nemohla byt dorucena
    nelze dorucit
    nem lehetett kezbesiteni
    nu a putut fi livrat
    teslim edilemedi
    не может быть доставлено
    не было доставлено
    не удалось доставить
    невозможно доставить
    не доставлено
    配信できませんでした
    配信できません
    配送できませんでした
    配送できません
    送信できませんでした
    送信できません
    届けることができません
    お届けできません
    送り届けられません
    配信に失敗
    无法投递
    无法送达
    无法发送
    無法傳遞
    無法送達
    未能送达
    投递失败
    传递失败
    被退回
    退信
    배달하지 못했습니다
    배달되지 못했습니다
    전달되지 못했습니다
    전송하지 못했습니다
    발송되지 않았습니다
    반송
    """
)

DELAYED = phrases(
    """
    delivery delayed
    delivery status notification delay
    delivery delay
    delayed mail
    delayed
    mail delayed
    message delayed
    verzogert sich
    verzogerte zustellung
    zustellung verzogert
    remise retardee
    est differee
    entrega retrasada
    entrega atrasada
    consegna ritardata
    levering vertraagd
    配信が遅延
    配信の遅延
    доставка задерживается
    доставка отложена
    传递延迟
    投递延迟
    still being retried
    warning could not send message for past
    warning message still undelivered
    still undelivered
    delivery is delayed
    delivery has been delayed
    has been delayed
    message is delayed
    delivery temporarily
    temporarily delayed
    temporary delivery
    not yet been delivered
    not been delivered yet
    not yet delivered
    will continue to be attempted
    will continue trying
    will keep trying
    will be retried
    will retry
    continue to try
    continue trying
    try to redeliver
    still trying
    transient non fatal errors
    had transient
    you do not need to resend
    no action is required on your part
    this is a warning message only
    warning message only
    only a warning
    do not resend
    verzogert
    verzogerung
    retarde
    remise differee
    retard
    retrasado
    demora%
    retrasad%
    atrasada
    atraso
    ritard%
    in ritardo
    vertraagd
    vertraging
    forsenad
    forsinket
    opozni%
    zpozd%
    задержк%
    задержан%
    遅延
    延迟
    延遲
    지연
    """
)

# They say that it is over although a word of delay stands there too.
GIVEN_UP = phrases(
    """
    permanent error
    permanent failure
    permanent fatal errors
    delivery failed
    given up
    giving up
    has failed
    will not be retried
    could not be delivered
    undeliverable
    returned
    """
)

AUTO_SUBJECTS = phrases(
    """
    tra loi tu dong
    phan hoi tu dong
    tra loi tu đong
    out of office
    out of the office
    out of town
    outofoffice
    gone fishing
    automatisch bericht
    ausser haus
    is out of the office
    ist nicht im buro
    ticket received
    request received
    case received
    vaše žádost
    notifica di assenza
    protocolo
    recebemos sua
    recebemos seu
    hemos recibido
    nous avons bien recu
    votre demande
    abbiamo ricevuto
    ваше обращение
    ваша заявка
    ваш запрос
    お問い合わせありがとう
    お問い合わせを受け付け
    休業のお知らせ
    夏季休業
    年末年始休業
    holiday closure
    office closed
    office closure
    betriebsferien
    betriebsurlaub
    ooo
    on vacation
    on holiday
    on holidays
    on leave
    on annual leave
    on maternity leave
    away from
    vacation
    holiday
    auto reply
    autoreply
    auto response
    autoresponse
    auto responder
    autoresponder
    auto answer
    automatic reply
    automatic response
    automatic answer
    automated reply
    automated response
    automatically generated reply
    absent
    absence
    abwesend
    abwesenheit%
    automatische antwort
    automatische ruckantwort
    autom antwort
    nicht im buro
    nicht im haus
    urlaub
    reponse automatique
    absence du bureau
    absent du bureau
    message d absence
    conges
    en conge
    en vacances
    respuesta automatica
    fuera de la oficina
    fuera de oficina
    ausente
    ausencia
    de vacaciones
    vacaciones
    contestacion automatica
    resposta automatica
    fora do escritorio
    ausencia temporaria
    ferias
    resposta de ausencia
    risposta automatica
    fuori sede
    fuori ufficio
    assente
    assenza
    in ferie
    afwezig%
    automatisch antwoord
    automatische beantwoording
    niet aanwezig
    met vakantie
    vakantie
    franvaro
    franvarande
    autosvar
    automatiskt svar
    semester
    automatisk svar
    autosvar
    fravaer
    fravar
    fravaerende
    ikke til stede
    ferie
    poissa
    poissaolo
    automaattinen vastaus
    lomalla
    nieobecn%
    poza biurem
    automatyczna odpowiedz
    odpowiedz automatyczna
    urlop
    nepritomen
    nepritomnost
    nepritomny
    mimo kancelar
    automaticka odpoved
    automaticka odpoved
    dovolena
    mimo kancelariu
    hazon kivul
    automatikus valasz
    irodan kivul
    szabadsag%
    raspuns automat
    absent de la birou
    automatski odgovor
    izvan ureda
    odsoten
    samodejni odgovor
    avtomaticni odgovor
    automaatvastus
    automatinis atsakymas
    automatiska atbilde
    otomatik yanıt
    otomatik yanit
    otomatik cevap
    ofis dısında
    ofis disinda
    izindeyim
    αυτοματη απαντηση
    εκτος γραφειου
    автоответ%
    автоматический ответ
    автоматична відповідь
    вне офиса
    в отпуске
    отпуск
    отсутств%
    нет на месте
    автоматичен отговор
    自動返信
    自動応答
    自動回答
    不在
    不在通知
    休暇
    自动回复
    自動回覆
    自动答复
    自動回應
    外出
    不在办公室
    休假
    자동 회신
    자동회신
    자동 응답
    자동응답
    부재중
    부재 중
    tra loi tu dong
    balasan otomatis
    jawapan automatik
    ตอบกลับอัตโนมัติ
    רד אוטומטי
    מענה אוטומטי
    תשובה אוטומטית
    رد تلقائي
    خارج المكتب
    پاسخ خودکار
    thank you for your message
    thank you for your email
    thank you for contacting
    we have received your
    we received your
    your request has been received
    ticket created
    case created
    received your message
    danke fur ihre
    ihre anfrage
    ihre nachricht
    accuse de reception
    acknowledgement of receipt
    confirmation of receipt
    eingangsbestatigung
    """
)

AUTO_BODIES = phrases(
    """
    i am out of the office
    i am currently out of
    i m out of the office
    i will be out of the office
    i am on vacation
    i am on leave
    i m on vacation
    απουσιαζω
    lipsesc din birou
    sunt plecat
    odmoru do
    parental leave
    maternity leave
    annual leave
    will be glad to help
    buro ist * geschlossen
    buro geschlossen
    betriebsferien
    vielen dank fur ihre e mail
    vielen dank fur ihre nachricht
    vielen dank fur ihre anfrage
    service est ferme
    bureaux sont fermes
    bureau est ferme
    nous traiterons votre
    merci pour votre message
    merci de votre message
    gracias por su mensaje
    gracias por su correo
    gracias por contactar
    gracias por escribir
    nos pondremos en contacto
    estamos cerrados
    estou em ferias
    estou de licenca
    obrigado pela sua mensagem
    obrigado por sua mensagem
    obrigado pelo contato
    agradecemos o seu contato
    entraremos em contato
    grazie per averci
    grazie per il suo messaggio
    grazie per la sua
    bedankt voor uw bericht
    bedankt voor uw e mail
    tack for ditt
    takk for din
    tak for din
    kiitos viestistasi
    dziekuje za wiadomosc
    dekuji za vasi
    dekujeme za vasi
    koszonjuk levelet
    multumim pentru
    спасибо за письмо
    спасибо за ваше
    спасибо за обращение
    дякуємо за
    お休みをいただ
    休みをいただいて
    お問い合わせいただき
    感谢您的来信
    感謝您的來信
    感谢您的邮件
    away from my desk
    away from the office
    back in the office
    when i get back
    when i return
    upon my return
    on my return
    has retired
    have retired
    your case number is
    your ticket number is
    an agent will contact you
    momentan nicht erreichbar
    zurzeit nicht erreichbar
    derzeit nicht erreichbar
    bin ab dem * wieder
    bin bis * abwesend
    bin bis * nicht
    wieder fur sie da
    wieder erreichbar
    wird nicht weitergeleitet
    nicht im hause
    im mutterschutz
    in elternzeit
    im ruhestand
    en conge maternite
    en arret maladie
    estare ausente
    estare de vuelta
    me encontrare fuera
    regreso el
    a mi regreso
    al mio rientro
    al mio ritorno
    no retorno
    retorno no dia
    quando retornar
    retornarei
    terug op
    weer aanwezig
    afwezig tot
    niet op kantoor
    jag har semester
    ar tillbaka
    tilbage den
    tilbake den
    er tilbage
    er tilbake
    har ferie
    palaan toihin
    lomalla * asti
    wracam
    wroce
    urlopie do
    po powrocie
    vratim se
    budu zpet
    na dovolene do
    visszaterek
    revin pe
    меня нет в офисе
    буду в отпуске
    в отпуске до
    в командировке
    вернусь
    отвечу после
    по срочным вопросам
    мене немає в офісі
    повернуся
    退社いたしました
    退社致しました
    退社しました
    退社して
    付で退社
    付で退職
    付けで退社
    付けで退職
    休暇中
    休暇を取
    夏季休暇
    出張中
    出張のため
    席を外して
    戻り次第
    休年假
    年假
    休假至
    出差
    回来后
    回來後
    尽快回复
    儘快回覆
    휴가입니다
    휴가로
    출장 중
    출장중
    퇴직
    복귀
    izindeyim
    tatildeyim
    no longer with the company
    no longer with our company
    no longer works for
    no longer works at
    no longer work at
    no longer work for
    no longer employed
    is no longer with
    am no longer with
    has left the company
    has left our company
    have left the company
    will not be reading my mail
    your mail regarding * will be read when i return
    will be read when i return
    i will respond to your message when i return
    has been received and a ticket
    your request * has been received
    a ticket has been created
    a case has been created
    we have received your email
    we have received your e mail
    we have received your message
    we have received your inquiry
    we have received your enquiry
    we have received your request
    thank you for contacting
    this is an automated message
    this is an automatic message
    this is an automatically generated
    our office is closed
    our offices are closed
    our office will be closed
    i am travelling
    i m driving
    ist nicht mehr in unserem
    nicht mehr in unserem unternehmen
    nicht mehr fur unser unternehmen
    nicht mehr im unternehmen
    nicht mehr fur * tatig
    nicht mehr bei uns
    ist aus dem unternehmen ausgeschieden
    ich bin nicht im buro
    ich bin im urlaub
    ich bin ab dem
    ich bin vom
    ich bin wieder
    ich kehre zuruck
    ich werde ab
    ihre nachricht wird nicht weitergeleitet
    ihre anfrage ist bei uns eingegangen
    ihre nachricht ist bei uns eingegangen
    ihre e mail ist bei uns eingegangen
    wir haben ihre anfrage erhalten
    wir haben ihre nachricht erhalten
    schnellstmoglich bearbeit%
    automatisch generierte
    automatisch erzeugte
    dies ist eine automatische
    ne fais plus partie
    ne fait plus partie
    ne travaille plus
    a quitte la societe
    a quitte l entreprise
    je serai absent
    je suis absente
    en vacances jusqu
    en conges jusqu
    de retour le
    nous avons bien recu votre
    avons bien recu votre message
    ceci est un message automatique
    ceci est une reponse automatique
    ya no trabaja
    ya no labora
    ya no forma parte
    ya no pertenece
    hemos recibido su
    hemos recibido tu
    estare de vacaciones
    estoy de vacaciones
    este es un mensaje automatico
    esta es una respuesta automatica
    nao trabalha mais
    nao faz mais parte
    recebemos sua mensagem
    recebemos seu e mail
    recebemos seu email
    recebemos a sua mensagem
    em breve retornaremos
    estarei de ferias
    estarei ausente
    esta e uma mensagem automatica
    este e um e mail automatico
    non lavora piu
    non fa piu parte
    non collabora piu
    abbiamo ricevuto la
    abbiamo ricevuto il suo
    sono fuori ufficio
    sono in ferie
    saro in ferie
    saro fuori ufficio
    questo e un messaggio automatico
    werkt niet meer
    niet meer werkzaam
    ik ben met vakantie
    ik ben op vakantie
    wij hebben uw
    we hebben uw bericht
    dit is een automatisch
    jag ar pa semester
    jag ar franvarande
    har slutat
    arbetar inte langre
    vi har mottagit
    jeg er pa ferie
    jeg holder ferie
    jeg er ikke pa kontoret
    ikke lenger ansatt
    er ikke langere ansat
    er fratradt
    vi har modtaget
    vi har mottatt
    olen lomalla
    ei ole enaa
    ei tyoskentele enaa
    nie pracuje juz
    juz nie pracuje
    jestem nieobecn%
    jestem na urlopie
    przebywam na urlopie
    dziekujemy za wiadomosc
    otrzymalismy panstwa
    jsem na dovolene
    jsem mimo kancelar
    jiz nepracuje
    uz nepracuje
    na dovolenke
    szabadsagon vagyok
    mar nem dolgozik
    sunt in concediu
    nu mai lucreaza
    na godisnjem odmoru
    izinde olacagim
    yillik izinde
    yıllık izinde
    ofis dısındayım
    artik calismamaktadir
    artık calısmamaktadır
    больше не работает
    уже не работает
    не работает в компании
    уволился
    уволилась
    буду отсутствовать
    не имею доступа к почте
    ваше обращение зарегистрировано
    ваше обращение принято
    ваша заявка
    ваше письмо получено
    письмо получено
    мы получили ваше
    мы ответим
    у відпустці
    більше не працює
    退職いたしました
    退職致しました
    退職しました
    退職して
    休暇をいただ
    休みをいただ
    休業とさせていただ
    不在となり
    不在の為
    不在のため
    自動応答
    自動返信
    自動送信
    自動で送信
    自動的に送信
    受け付けました
    受付けました
    受付いたしました
    已离职
    已離職
    已经离职
    已從公司離職
    假期自动回复
    自动回复
    自動回覆
    休假中
    正在休假
    邮件已收到
    郵件已收到
    来信已收到
    來信已收到
    휴가 중
    휴가중
    퇴사
    부재중
    자동 응답
    자동으로 발송
    είμαι εκτος γραφειου
    ειμαι εκτος γραφειου
    i am away
    i will be away
    will be back on
    will return on
    limited access to email
    limited access to my email
    this is an automatic reply
    this is an automated response
    this is an auto reply
    this is an automated reply
    this is an automatic response
    ich bin derzeit nicht
    ich bin zur zeit nicht
    ich bin bis zum
    bin ich nicht im buro
    ich befinde mich
    je suis absent
    je suis actuellement
    je suis en conge
    estoy fuera
    estare fuera
    me encuentro de
    estou ausente
    estou de ferias
    sono assente
    saro assente
    ik ben afwezig
    ik ben niet aanwezig
    jag ar inte pa kontoret
    olen poissa
    я в отпуске
    нахожусь в отпуске
    不在にして
    我正在休假
    부재중입니다
    """
)

CHALLENGES = phrases(
    """
    to release your message for delivery
    being held because the address * has not been verified
    confirm that you are human
    confirm you are human
    confirm you re human
    verify that you are human
    prove you are human
    subscription confirmation
    clicca * conferma
    conferma di essere
    haga clic * confirme
    clique * confirmar que
    cliquez * confirmer que
    klicken sie * bestatigen
    будь ласка * підтвердіть
    링크를 클릭 * 확인
    mailinblack
    merci de vous authentifier
    authentification requise
    complete the verification process
    is protected by spam
    protected by * spam
    nicht um spam
    kein spammer sind
    keine maschine
    tira teima
    tiratema
    что вы не робот
    вы не робот
    antispam * clique
    送信の確認
    保留されています
    確認のため * クリック
    点击 * 验证
    点击 * 确认
    prove that you are human
    confirm you are not a spammer
    confirm that you are not
    confirm your message
    confirm your email
    confirm delivery of your message
    confirm your identity
    please confirm
    action required to deliver your message
    your message to * needs
    message to * requires confirmation
    requires verification
    requires confirmation
    requires approval
    awaiting confirmation
    pending confirmation
    waiting verification
    waiting for your reply
    waiting for approval
    held pending
    held for approval
    unconfirmed sender
    unverified sender
    email verification
    e mail verification
    sender verification
    sender authorization
    sender confirmation
    verification required
    authorize your email
    authorized sender
    approved senders list
    allowed senders list
    approved sender list
    added to my list
    request to be added
    challenge response
    challenge message
    tmda
    waitlisted
    guest list
    action required
    approved beforehand
    spamarrest
    spam arrest
    boxbe
    knowspam
    mailblocks
    choicemail
    bluebottle
    earthlink * spamblocker
    spamblocker
    suspect email
    antispam uol
    antispam * uol
    uol antispam
    mailfrontier
    sendio
    orgoo
    qurb
    click on the link below to deliver
    click * to deliver your message
    click the link * deliver
    click here to confirm
    click here to authenticate
    one time confirmation
    one time verification
    this one time
    confirmacao de envio
    confirme sua mensagem
    confirme su mensaje
    confirmer votre message
    bestatigen sie ihre
    bestatigen sie bitte
    confermare il messaggio
    подтвердите
    """
)

# A challenge beyond doubt, whatever else it looks like.
ASKED = phrases(
    """
    is protected by spam
    protected by * spamblocker
    protected by spamarrest
    complete the verification process
    to release your message for delivery
    confirm that you are human
    confirm you are human
    please click here to request approval
    is protected by choicemail
    mail is protected by
    conferma di essere una persona
    verify that you are a human
    prove you are a human
    requires senders to confirm
    verify that you are human
    prove that you are human
    prove you are human
    add you to this list * link
    click the link * to verify your
    click * to deliver your message
    was waitlisted
    mailinblack
    merci de vous authentifier
    tira teima
    что вы не робот
    kein spammer sind
    """
)

# Of receipts without the part of RFC 8098.
RECEIPTS = phrases(
    """
    your document * was received by
    your message * was read on
    your message * was displayed
    this is a return receipt
    this is a receipt for the mail
    return receipt for the mail
    ihre nachricht * wurde * gelesen
    dies ist eine empfangsbestatigung
    votre message * a ete lu
    a ete lu le
    su mensaje * fue leido
    se ha leido el mensaje
    sua mensagem * foi lida
    il messaggio * e stato letto
    uw bericht * is gelezen
    ваше сообщение * было прочитано
    開封確認
    メッセージ * 開封されました
    您的邮件 * 已阅读
    """
)

MOVED_NOTICES = phrases(
    """
    my email address has changed
    my e mail address has changed
    my address has changed
    email address has changed
    e mail address has changed
    my new email address
    my new e mail address
    my new address
    new email address
    change of email address
    change of e mail address
    change of address
    address change
    has left the company
    no longer works
    no longer with the company
    no longer at this
    neue e mail adresse
    neue mailadresse
    neue email adresse
    meine neue adresse
    adressanderung
    nouvelle adresse
    changement d adresse
    nueva direccion
    cambio de direccion
    novo e mail
    novo endereco
    mudanca de endereco
    nuovo indirizzo
    cambio indirizzo
    nieuw e mailadres
    nieuw adres
    ny e postadress
    ny mailadresse
    ny e mailadresse
    nowy adres
    zmiana adresu
    nova adresa
    новый адрес
    新しいメールアドレス
    アドレス変更
    メールアドレス変更
    新邮箱
    邮箱变更
    """
)

COMPLAINT_SUBJECTS = phrases(
    """
    complaint stop
    stop sending me
    stop spamming
    spam complaint
    complaint about message from
    email feedback report
    feedback report
    abuse report
    spam report
    spam complaint
    client tos notification
    spamcop
    user reported
    reported as spam
    """
)

# In place of a person: who sends for a mail system.
DAEMONS = frozenset((
    "mailer-daemon", "mailerdaemon", "mailer_daemon", "mailer.daemon", "maildaemon", "mail-daemon", "mdaemon",
    "postmaster", "postmast", "mailsystem", "mail_system", "mailadmin", "mail-admin", "mail.admin",
    "systemadministrator", "system-administrator", "mail-system", "mailsys", "mail_delivery", "mail-delivery",
    "maildelivery", "mail.delivery", "smtpd", "smtp", "qmail", "mailrobot", "mailgw", "mta", "bounce", "bounces",
    "bounce-handler", "daemon", "delivery-failure", "deliveryfailure", "delivery", "mail-agent", "mailagent", "ndr",
    "nondelivery", "non-delivery", "microsoftexchange", "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e",
    "postoffice", "post_master", "post-master", "postman", "mailerdemon", "mailer-deamon", "maildeamon",
    "mailer-demon", "returned-mail", "returnmail", "mail-return", "undeliverable", "maileradmin", "mail-router",
    "mailrouter", "mmdf", "listserv-errors", "mailbot", "sympa", "listserv", "majordomo", "posta-certificata",
))  # fmt: skip
